#include "images/image2disk/transfer.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "images/image2disk/disk_writer.hpp"
#include "tests/unit/images/tools.hpp"

using namespace osiekit;
using namespace osiekit::images::test;

namespace {

// Gives each connection the next answer, and keeps what was asked. Closes after each.
class Server {
  public:
    explicit Server(std::vector<std::string> answers)
        : answers_(std::move(answers)),
          listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(listener_.get(), generic, length) == 0);
        REQUIRE(::listen(listener_.get(), 8) == 0);
        REQUIRE(::getsockname(listener_.get(), generic, &length) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() { requests(); }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/image"; }
    // Waits until all answers are given or nobody asks any more.
    const std::vector<std::string>& requests() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        if (thread_.joinable()) thread_.join();
        return requests_;
    }

  private:
    void serve() {
        for (const std::string& answer : answers_) {
            Fd peer(::accept(listener_.get(), nullptr, nullptr));
            if (!peer) return;
            std::string request;
            std::array<char, 4096> buffer{};
            while (request.find("\r\n\r\n") == std::string::npos) {
                ssize_t n = ::read(peer.get(), buffer.data(), buffer.size());
                if (n <= 0) break;
                request.append(buffer.data(), static_cast<std::size_t>(n));
            }
            requests_.push_back(request);
            std::string_view rest = answer;
            while (!rest.empty()) {
                ssize_t n = ::send(peer.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
                if (n <= 0) break;
                rest.remove_prefix(static_cast<std::size_t>(n));
            }
        }
    }

    std::vector<std::string> answers_;
    std::vector<std::string> requests_;
    Fd listener_;
    int port_ = 0;
    std::thread thread_;
};

std::string answer(const std::string& status, const std::string& body, std::size_t length,
                   const std::string& headers = "") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(length) + "\r\n" +
           headers + "\r\n" + body;
}
std::string whole(const std::string& body) {
    return answer("200 OK", body, body.size());
}
std::string cut(const std::string& body, std::size_t keep, const std::string& headers = "") {
    return answer("200 OK", body.substr(0, keep), body.size(), headers);
}

struct Disk {
    TempDir dir = TempDir::create().value();
    std::string old = std::string(6U << 20U, 'O');
    Disk() { REQUIRE(write_file(dir / "disk", old)); }
    Settings settings(const Server& server) const {
        Settings settings;
        settings.url = server.url();
        settings.disk = (dir / "disk").string();
        settings.progress_interval = std::chrono::seconds(0);
        return settings;
    }
    std::string content() const { return read_file(dir / "disk").value(); }
    bool starts_with(const std::string& image) const {
        return content().compare(0, image.size(), image) == 0;
    }
    bool wiped() const {
        return content().compare(0, held_back, std::string(held_back, '\0')) == 0;
    }
};

Result<Transferred> run(const Settings& settings, std::vector<std::string>* lines = nullptr) {
    TransferOptions options;
    options.first_delay = std::chrono::milliseconds(1);
    options.say = [lines](std::string_view line) {
        if (lines != nullptr) lines->emplace_back(line);
    };
    return transfer(settings, options);
}

}  // namespace

TEST_CASE("an image of each compression reaches the disk") {
    std::string image = image_bytes(5U << 20U);
    for (Format format : formats) {
        INFO(to_string(format));
        Server server({whole(compressed(image, format))});
        Disk disk;
        Settings settings = disk.settings(server);
        settings.compressed = true;
        std::vector<std::string> lines;
        auto done = run(settings, &lines);
        REQUIRE(done);
        CHECK(done->written == image.size());
        CHECK(disk.starts_with(image));
        CHECK(disk.content().substr(image.size()) == disk.old.substr(image.size()));
        REQUIRE(lines.size() >= 2);
        CHECK(lines.front().find("% ") == std::string::npos);
        CHECK(lines.back().rfind("done: 5.0 MiB written", 0) == 0);
    }
}

TEST_CASE("without COMPRESSED the bytes are written as they are") {
    std::string packed = compressed(image_bytes(100000), Format::gzip);
    Server server({whole(packed)});
    Disk disk;
    auto done = run(disk.settings(server));
    REQUIRE(done);
    CHECK(disk.starts_with(packed));
}

TEST_CASE("a cut body fails and leaves a disk without a beginning") {
    std::string image = image_bytes(3U << 20U);
    Server server({cut(image, 2U << 20U)});
    Disk disk;
    auto done = run(disk.settings(server));
    REQUIRE(!done);
    CHECK(done.error().kind() == ErrorKind::network);
    CHECK(done.error().to_string().find("streaming " + server.url()) != std::string::npos);
    CHECK(disk.wiped());
}

TEST_CASE("a cut compressed stream in a whole body fails too") {
    std::string packed = compressed(image_bytes(3U << 20U), Format::zstd);
    Server server({whole(packed.substr(0, packed.size() / 2))});
    Disk disk;
    Settings settings = disk.settings(server);
    settings.compressed = true;
    auto done = run(settings);
    REQUIRE(!done);
    CHECK(done.error().to_string().find("the image is cut") != std::string::npos);
    CHECK(disk.wiped());
}

TEST_CASE("the digest decides") {
    std::string image = image_bytes(2U << 20U);
    Sha256 right = Sha256::of(image);
    for (bool good : {true, false}) {
        Server server({whole(image)});
        Disk disk;
        Settings settings = disk.settings(server);
        settings.sha256 = good ? right : Sha256::of("another");
        auto done = run(settings);
        CHECK(done.ok() == good);
        CHECK(disk.starts_with(image) == good);
        if (good) continue;
        CHECK(done.error().kind() == ErrorKind::digest);
        CHECK(done.error().to_string().find(right.hex()) != std::string::npos);
        CHECK(disk.wiped());
    }
}

TEST_CASE("a retry goes on where the transfer broke, if the file is the same") {
    std::string image = image_bytes(4U << 20U);
    std::string packed = compressed(image, Format::zstd);
    std::size_t half = packed.size() / 2;
    std::string rest = packed.substr(half);
    std::string range = "Content-Range: bytes " + std::to_string(half) + "-" +
                        std::to_string(packed.size() - 1) + "/" + std::to_string(packed.size()) +
                        "\r\n";
    Server server({cut(packed, half, "ETag: \"v1\"\r\n"), answer("503 Busy", "", 0),
                   answer("206 Partial Content", rest, rest.size(), range)});
    Disk disk;
    Settings settings = disk.settings(server);
    settings.compressed = true;
    settings.retry = true;
    settings.sha256 = Sha256::of(packed);
    auto done = run(settings);
    if (!done) FAIL(done.error().to_string());
    CHECK(done->attempts == 3);
    CHECK(disk.starts_with(image));
    const auto& requests = server.requests();
    CHECK(requests[0].find("Range:") == std::string::npos);
    CHECK(requests[2].find("Range: bytes=" + std::to_string(half) + "-\r\n") != std::string::npos);
    CHECK(requests[2].find("If-Range: \"v1\"\r\n") != std::string::npos);
}

TEST_CASE("a retry starts over when the file changed, or the server cannot say") {
    std::string before = image_bytes(3U << 20U);
    std::string after(2U << 20U, 'n');
    for (const char* tag : {"ETag: \"v1\"\r\n", "ETag: W/\"weak\"\r\n", ""}) {
        Server server({cut(before, 2U << 20U, tag), whole(after)});
        Disk disk;
        Settings settings = disk.settings(server);
        settings.retry = true;
        settings.sha256 = Sha256::of(after);
        auto done = run(settings);
        if (!done) FAIL(done.error().to_string());
        CHECK(done->written == after.size());
        CHECK(disk.starts_with(after));
    }
}

TEST_CASE("another part than the one asked for is not taken") {
    std::string image = image_bytes(2U << 20U);
    Server server(
        {cut(image, 1000, "ETag: \"v1\"\r\n"),
         answer("206 Partial Content", image, image.size(), "Content-Range: bytes 5-1000/2000\r\n"),
         whole(image)});
    Disk disk;
    Settings settings = disk.settings(server);
    settings.retry = true;
    auto done = run(settings);
    if (!done) FAIL(done.error().to_string());
    CHECK(done->attempts == 3);
    CHECK(disk.starts_with(image));
}

TEST_CASE("what cannot get better is not tried again") {
    for (const char* status : {"404 Not Found", "403 Forbidden"}) {
        Server server({answer(status, "", 0), whole("late")});
        Disk disk;
        Settings settings = disk.settings(server);
        settings.retry = true;
        auto done = run(settings);
        REQUIRE(!done);
        CHECK(server.requests().size() == 1);
        CHECK(done.error().hint().find("IMG_URL") != std::string::npos);
    }
    Server server({whole("not compressed at all"), whole("late")});
    Disk disk;
    Settings settings = disk.settings(server);
    settings.retry = true;
    settings.compressed = true;
    CHECK(!run(settings));
    CHECK(server.requests().size() == 1);
}

TEST_CASE("without RETRY_ENABLED there is one attempt") {
    Server server({answer("503 Busy", "", 0), whole("late")});
    Disk disk;
    CHECK(!run(disk.settings(server)));
    CHECK(server.requests().size() == 1);
}

TEST_CASE("an empty image is no image") {
    Server server({whole("")});
    Disk disk;
    CHECK(!run(disk.settings(server)));
}
