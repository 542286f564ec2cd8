#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "agent/journal.hpp"
#include "agent/spool.hpp"
#include "lib/base/log.hpp"
#include "lib/grpc_curl/channel.hpp"
#include "proto/logs.pb.h"

namespace osiekit::agent {

// Brings the output of actions to osie-server (proto/logs.proto), on a thread of its own that reads
// the action's spool. So nothing waits for it, what waits for the server is bounded by the spool,
// and a lost connection loses and doubles nothing as long as the spool has it: the server says
// which line it wants next. A server without that service is asked once.
class LogStream {
  public:
    struct Timing {
        std::chrono::milliseconds last_moment{5000};  // a report waits for the last lines as long
        std::chrono::milliseconds first_pause{500};   // between two tries; doubled each time
        std::chrono::milliseconds longest_pause{10000};
    };

    // Channel and logger must outlive it. Its calls survive the channel's shutting down, so that an
    // agent that ends can send what its action said last.
    LogStream(rpc::Channel& channel, std::string agent_id, const Logger& log, Timing timing);
    LogStream(const LogStream&) = delete;
    LogStream& operator=(const LogStream&) = delete;
    // Gives what waits one more last moment. What has not arrived then is counted in the log.
    ~LogStream();

    // Gives what is left of the present action one more last moment, and then leaves it.
    void leave();
    // The action's output is in `directory`/output from now on. Begins with leave().
    void begin(const JournalEntry& action, const std::filesystem::path& directory);
    // There may be new output.
    void poke();
    // No more will come. Does not wait.
    void complete();
    // complete(); waits until the server has it all, at most the last moment; what is not
    // there then goes on being sent until the next begin().
    void end();

  private:
    struct Job {
        JournalEntry action;
        std::filesystem::path directory;
        std::string run;
    };
    enum class Talk { done, given_up, again };

    void work();
    void carry(const Job& job);
    Talk converse(const Job& job, SpoolReader& spool);
    Talk send_output(rpc::Call& call, const Job& job, SpoolReader& spool);
    Talk after(const rpc::RpcStatus& status, const Job& job);
    std::optional<std::uint64_t> exchange(rpc::Call& call, const v1::LogBatch& batch) const;
    void pause(std::chrono::milliseconds time);
    std::uint64_t left_behind(SpoolReader& spool) const;

    rpc::Channel& channel_;
    const std::string agent_id_;
    const Logger& log_;
    const Timing timing_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Job> job_;
    rpc::Call* call_ = nullptr;  // under way
    std::uint64_t pokes_ = 0;
    bool complete_ = false;   // no more output will come
    bool hurry_ = false;      // no pauses
    bool abandoned_ = false;  // the job is to be left
    bool ending_ = false;
    bool unknown_ = false;  // the server has no such service

    // Of the thread alone.
    std::uint64_t acknowledged_ = 0;  // lines before this one are there or lost
    std::uint64_t lost_ = 0;
    std::string trouble_;  // told already

    std::thread thread_;
};

// The time of an output's line in microseconds since 1970; 0 for anything else.
std::int64_t line_time_us(std::string_view rfc3339);

}  // namespace osiekit::agent
