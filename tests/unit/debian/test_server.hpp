#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/fd.hpp"

// A small HTTP server on a free port of the loopback: files from memory with Range and ETag, and
// the faults that real mirrors show.
class TestServer {
  public:
    struct Fault {
        int status = 0;                             // answer with this and no file
        std::optional<std::size_t> cut_after = {};  // close after so many bytes of the body
        bool ignore_range = false;                  // answer 200 and everything
        bool lie_about_range = false;               // answer 206 with the wrong part
        std::function<void()> before = {};          // called before the body is sent
        std::string headers = {};                   // more of them, each with its end of line
        bool trickle = false;                       // some fifty bytes a second, until nobody reads
    };
    struct Seen {
        std::string path;
        std::string range;  // "bytes=7-" or empty
        std::string authorization;
        int status = 0;
    };

    TestServer();
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    std::string url(const std::string& path = "") const;
    void put(const std::string& path, std::string content);
    void remove(const std::string& path);
    std::string get(const std::string& path) const;
    // The next `times` requests for the path fail so.
    void fail(const std::string& path, Fault fault, int times = 1);
    std::vector<Seen> seen() const;
    // How many requests there were for paths that contain `part`.
    std::size_t count(const std::string& part = "") const;

  private:
    void serve();
    void receive(int peer);
    void answer(int peer, const std::string& request);

    osiekit::Fd listener_;
    int port_ = 0;
    mutable std::mutex mutex_;
    std::map<std::string, std::string> files_;
    std::map<std::string, std::vector<Fault>> faults_;
    std::vector<Seen> seen_;
    std::thread thread_;                  // accepts
    std::vector<std::thread> answering_;  // its own until it has ended
};
