// `tink logs`: what it prints, and how it goes on after its connection was lost.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <mutex>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"
#include "proto/logs.grpc.pb.h"
#include "server/cli/logs.hpp"

using namespace osiekit;
using namespace osiekit::tink;
using Catch::Matchers::Contains;
namespace v1 = osiekit::v1;

namespace {

Json record_of(std::uint64_t sequence, std::uint64_t first_line, std::vector<std::string> texts) {
    Json lines = Json::array();
    for (const std::string& text : texts)
        lines.push_back(
            {{"time", "2026-01-31T12:00:00.123456Z"}, {"stream", "stdout"}, {"text", text}});
    return {{"sequence", sequence}, {"action_id", "id-1"},      {"action", "stream image"},
            {"run", "r1"},          {"first_line", first_line}, {"lines", lines}};
}

// Answers each question with records and a status; the last ones again and again.
class Script final : public v1::LogService::Service {
  public:
    struct Answer {
        std::vector<v1::LogRecord> records;
        grpc::Status status;
    };
    explicit Script(std::vector<Answer> answers) : answers_(std::move(answers)) {
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
        builder.RegisterService(this);
        server_ = builder.BuildAndStart();
        REQUIRE((server_ && port_ != 0));
    }
    ~Script() override { server_->Shutdown(std::chrono::system_clock::now()); }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::vector<v1::ReadLogsRequest> questions() {
        std::lock_guard lock(mutex_);
        return questions_;
    }
    grpc::Status ReadLogs(grpc::ServerContext*, const v1::ReadLogsRequest* request,
                          grpc::ServerWriter<v1::LogRecord>* stream) override {
        Answer answer;
        {
            std::lock_guard lock(mutex_);
            answer = answers_[std::min(questions_.size(), answers_.size() - 1)];
            questions_.push_back(*request);
        }
        for (const v1::LogRecord& record : answer.records) stream->Write(record);
        return answer.status;
    }

  private:
    std::mutex mutex_;
    std::vector<Answer> answers_;
    std::vector<v1::ReadLogsRequest> questions_;
    int port_ = 0;
    std::unique_ptr<grpc::Server> server_;
};

v1::LogRecord wire_record(std::uint64_t sequence, const std::string& run, std::uint64_t first_line,
                          const std::vector<std::string>& texts) {
    v1::LogRecord record;
    record.set_sequence(sequence);
    record.set_action_id("id-1");
    record.set_action_name("copy");
    record.set_run(run);
    record.set_first_line(first_line);
    for (const std::string& text : texts) {
        auto* line = record.add_lines();
        line->set_time_us(1'700'000'000'000'000);
        line->set_text(text);
    }
    return record;
}

// Runs print_logs with standard output and error in files.
struct Printed {
    Status done;
    std::string out;
    std::string err;
};
Printed print_from(Script& script, bool follow) {
    TempDir folder = TempDir::create("tink-logs").value();
    std::fflush(stdout);
    std::fflush(stderr);
    int before[2] = {::dup(1), ::dup(2)};
    for (int fd : {1, 2}) {
        Fd file = open_file(folder / std::to_string(fd), O_WRONLY | O_CREAT).value();
        ::dup2(file.get(), fd);
    }
    auto client = Client::create(script.address());
    LogOptions options;
    options.workflow = "w";
    options.follow = follow;
    Status done = print_logs(*client, options, {});
    std::fflush(stdout);
    std::fflush(stderr);
    for (int fd : {1, 2}) {
        ::dup2(before[fd - 1], fd);
        ::close(before[fd - 1]);
    }
    return {std::move(done), read_file(folder / "1").value(), read_file(folder / "2").value()};
}

// The lines' texts, behind time and action.
std::vector<std::string> texts(const std::string& out) {
    std::vector<std::string> list;
    for (std::string_view line : split(out, '\n'))
        if (std::size_t bar = line.find(" | "); bar != std::string_view::npos)
            list.emplace_back(line.substr(bar + 3));
    return list;
}

const grpc::Status lost(grpc::StatusCode::UNAVAILABLE, "gone");

}  // namespace

TEST_CASE("A line of output, for people and for programs") {
    Json record = record_of(5, 40, {"bytes \x1b[31m\n"});
    CHECK(log_line(record, 41, record["lines"][0], {}) ==
          "2026-01-31 12:00:00.123  stream image | bytes \\x1b[31m\\x0a\n");
    record["lines"][0]["stream"] = "stderr";
    CHECK_THAT(log_line(record, 41, record["lines"][0], {false, true}),
               Contains(" | \x1b[31mbytes") && Contains("\x1b[0m\n"));
    Json whole = Json::parse(log_line(record, 41, record["lines"][0], {true, false}));
    CHECK(whole == Json({{"time", "2026-01-31T12:00:00.123456Z"},
                         {"action", "stream image"},
                         {"action_id", "id-1"},
                         {"run", "r1"},
                         {"line", 41},
                         {"stream", "stderr"},
                         {"text", "bytes \x1b[31m\n"}}));
}

TEST_CASE("What stands for lines that are not kept") {
    Json record = record_of(5, 40, {});
    CHECK(missing_line(record, 7, {}) == "stream image | [7 lines are not kept here]\n");
    CHECK(Json::parse(missing_line(record, 7, {true, false})) == Json({{"action", "stream image"},
                                                                       {"action_id", "id-1"},
                                                                       {"run", "r1"},
                                                                       {"missing_lines", 7}}));
}

TEST_CASE("Missing lines are counted where they are missing, in each run of its own") {
    Script script({{{wire_record(1, "r1", 3, {"d", "e"}), wire_record(2, "r2", 0, {"A"}),
                     wire_record(3, "r1", 5, {"f"}), wire_record(4, "r2", 11, {"L"})},
                    grpc::Status::OK}});
    Printed printed = print_from(script, false);
    REQUIRE(printed.done);
    CHECK(texts(printed.out) == std::vector<std::string>{"[3 lines are not kept here]", "d", "e",
                                                         "A", "f", "[10 lines are not kept here]",
                                                         "L"});
    CHECK(printed.err.empty());
}

TEST_CASE("A follower goes on after the record that it has, and says what happened once") {
    Script script({{{wire_record(7, "r1", 0, {"a", "b"}), wire_record(9, "r1", 2, {"c"})}, lost},
                   {{}, lost},
                   {{}, lost},
                   {{wire_record(10, "r1", 3, {"d"})}, lost},
                   {{wire_record(12, "r1", 4, {"e"})}, grpc::Status::OK}});
    Printed printed = print_from(script, true);
    REQUIRE(printed.done);
    CHECK(texts(printed.out) == std::vector<std::string>{"a", "b", "c", "d", "e"});
    CHECK(printed.err ==
          "tink: the connection is lost, trying again\ntink: connected again\n"
          "tink: the connection is lost, trying again\ntink: connected again\n");
    std::vector<std::uint64_t> from;
    for (const auto& question : script.questions()) from.push_back(question.from_sequence());
    CHECK(from == std::vector<std::uint64_t>{0, 10, 10, 10, 11});
}

TEST_CASE("Who does not follow hears of a lost connection as of an error") {
    Script script({{{wire_record(1, "r1", 0, {"a"})}, lost}});
    Printed printed = print_from(script, false);
    REQUIRE_FALSE(printed.done);
    CHECK(printed.done.error().kind() == ErrorKind::network);
    CHECK(texts(printed.out) == std::vector<std::string>{"a"});
    CHECK(script.questions().size() == 1);
}

TEST_CASE("A workflow without output, and one that is not there") {
    Script empty({{{}, grpc::Status::OK}});
    Printed printed = print_from(empty, true);
    CHECK(printed.done);
    CHECK(printed.err == "tink: no output of it is kept\n");
    Script none({{{}, {grpc::StatusCode::NOT_FOUND, "there is no workflow w"}}});
    printed = print_from(none, true);
    REQUIRE_FALSE(printed.done);
    CHECK(printed.done.error().kind() == ErrorKind::not_found);
}
