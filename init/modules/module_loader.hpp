#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "init/system/boot_log.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/kmod/module_index.hpp"

namespace osiekit::init {

// Loads modules on threads of its own, each module once, dependencies first, so that a slow driver
// keeps neither the other drivers nor PID 1's main loop waiting. Device aliases go before names
// that were asked for whatever the hardware is: the network card is what the machine waits for.
class ModuleLoader {
  public:
    struct Options {
        // Reads the index; called on the first thread.
        std::function<Result<kmod::ModuleIndex>()> index;
        // Loads one file, named relative to the module folder, with its parameters.
        std::function<Status(const std::string& path, const std::string& parameters)> load;
        // Walks the devices that are there, and hands each alias to the function given.
        std::function<void(const std::function<void(std::string)>&)> coldplug;
        std::vector<std::string> blacklist;
        std::map<std::string, std::string> parameters;  // by normalised module name
        unsigned threads = 2;
    };

    ModuleLoader(const BootLog& log, Options options);
    ModuleLoader(const ModuleLoader&) = delete;
    ModuleLoader& operator=(const ModuleLoader&) = delete;
    ~ModuleLoader();  // finishes the module in hand, drops the rest

    // Starts the threads and walks the devices once.
    Status start();
    // A device's alias; one that no module matches is no error (most match none).
    void request_alias(std::string alias);
    // A module by name; a name that does not exist is a warning.
    void request_name(std::string name);

    // Readable whenever the last request has been dealt with; read_idle() clears it and tells
    // whether there is still nothing to do.
    int idle_fd() const { return idle_event_.get(); }
    bool read_idle();
    std::size_t loaded() const;
    // Aliases of devices that no module matched, for error reports.
    std::vector<std::string> unmatched() const;

  private:
    enum class State { loading, done };
    struct Request {
        std::string text;
        bool by_name = false;
    };

    void work(bool first);
    bool next(Request& request);
    void finish_request();
    void handle(const Request& request);
    void load_with_dependencies(const kmod::Module& module);
    void load_one(const kmod::Module& module);
    bool blacklisted(const kmod::Module& module) const;

    const BootLog& log_;
    Options options_;
    Fd idle_event_;
    std::optional<kmod::ModuleIndex> index_;  // set before any request is handled

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable module_done_;
    bool stopping_ = false;
    bool ready_ = false;    // the index is read (or could not be)
    std::size_t busy_ = 0;  // requests in hand
    std::deque<Request> aliases_;
    std::deque<Request> names_;
    std::set<std::string> seen_aliases_;
    std::map<std::string, State> modules_;
    std::size_t loaded_ = 0;
    std::set<std::string> unmatched_;
    std::vector<std::thread> threads_;
};

}  // namespace osiekit::init
