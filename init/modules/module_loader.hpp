#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "init/system/boot_log.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/kmod/module_index.hpp"

namespace osiekit::init {

// Loads modules on threads of its own, each module once, dependencies first, so that a slow driver
// keeps neither the other drivers nor PID 1's main loop waiting. The machine waits for its network,
// so drivers of network cards (and of sources of entropy) come first, those of other devices on a
// bus second. All else (names that the image wants whatever the hardware is, features of the
// processor, …) is background work, which gets the time that nobody else wants.
class ModuleLoader {
  public:
    using OnAlias = std::function<void(std::string)>;
    struct Options {
        // Reads the index; called on the first thread.
        std::function<Result<kmod::ModuleIndex>()> index;
        // Loads one file, named relative to the module folder, with its parameters.
        std::function<Status(const std::string& path, const std::string& parameters)> load;
        // Hands over the aliases of the devices that are on a bus (urgent), and of all
        // (background).
        std::function<void(const OnAlias&)> walk_buses;
        std::function<void(const OnAlias&)> walk_all;
        // Give devices to the drivers that are loaded (bind_order.hpp): those that are needed
        // first, after each of their drivers; all, once no such driver is in hand. May be empty.
        std::function<void()> bind_first;
        std::function<void()> bind_rest;
        std::vector<std::string> blacklist;
        std::map<std::string, std::string> parameters;  // by normalised module name
        unsigned threads = 2;
    };

    ModuleLoader(const BootLog& log, Options options);
    ModuleLoader(const ModuleLoader&) = delete;
    ModuleLoader& operator=(const ModuleLoader&) = delete;
    ~ModuleLoader();  // finishes the modules in hand, drops the rest

    // Starts the threads and walks the devices once.
    Status start();
    // A device's alias; one that no module matches is no error (most match none).
    void request_alias(std::string alias);
    // A module by name, in the background; a name that does not exist is a warning.
    void request_name(std::string name);

    // Readable whenever the last urgent request has been dealt with; read_idle() clears it and
    // tells whether there is still nothing urgent to do.
    int idle_fd() const { return idle_event_.get(); }
    bool read_idle();
    std::size_t loaded() const;
    // Aliases of devices that no module matched, for error reports.
    std::vector<std::string> unmatched() const;

  private:
    enum class State { loading, done };
    enum class Kind { alias, name, walk, bind };
    struct Request {
        Kind kind = Kind::alias;
        bool urgent = true;
        std::string text;
        bool first = false;  // urgent, and needed before other devices
    };

    void work(bool first);
    void begin();
    bool next(Request& request);
    void add_alias(std::string alias, bool urgent);
    void queue_alias(std::string alias, bool urgent);  // the lock is held
    void finish(const Request& request);
    void handle(const Request& request);
    void handle_module_request(const Request& request);
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
    bool ready_ = false;           // the index is read (or could not be)
    std::size_t busy_urgent_ = 0;  // urgent requests in hand
    std::size_t busy_first_ = 0;   // of them, those that are needed first
    std::deque<Request> urgent_;   // network cards in front, then the other first ones
    std::deque<Request> background_;
    std::set<std::string> seen_aliases_;
    std::map<std::string, State> modules_;
    std::size_t loaded_ = 0;
    std::set<std::string> unmatched_;
    std::vector<std::thread> threads_;
};

}  // namespace osiekit::init
