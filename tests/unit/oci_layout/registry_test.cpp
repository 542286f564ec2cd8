// Our layouts in the hands of others: skopeo reads them, a registry takes them, umoci unpacks them.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <nlohmann/json.hpp>

#include "lib/base/child.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/oci_layout/sample.hpp"

extern char** environ;

using namespace osiekit;
using namespace osiekit::oci_layout;
using nlohmann::json;

namespace {

constexpr int start_attempts = 200;  // of 50 ms

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int free_port() {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    return ntohs(address.sin_port);
}

// Debian's docker-registry with its storage in a temporary directory.
class Registry {
  public:
    Registry() : port_(free_port()) {
        std::string config =
            "version: 0.1\nlog: {level: error}\nstorage: {filesystem: "
            "{rootdirectory: " +
            (dir_ / "data").string() + "}}\nhttp: {addr: 127.0.0.1:" + std::to_string(port_) +
            "}\n";
        std::string file = (dir_ / "config.yml").string();
        REQUIRE(write_file(file, config));
        const char* arguments[] = {"docker-registry", "serve", file.c_str(), nullptr};
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        for (int stream : {1, 2})
            ::posix_spawn_file_actions_addopen(&actions, stream, (dir_ / "log").c_str(),
                                               O_WRONLY | O_CREAT | O_APPEND, 0644);
        REQUIRE(::posix_spawnp(&pid_, arguments[0], &actions, nullptr,
                               const_cast<char**>(arguments), environ) == 0);
        ::posix_spawn_file_actions_destroy(&actions);
        for (int attempt = 0; attempt < start_attempts; ++attempt) {
            Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            sockaddr_in address = loopback(port_);
            if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
                return;
            ::poll(nullptr, 0, 50);
        }
        FAIL("docker-registry does not listen: " << read_file(dir_ / "log").value());
    }
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;
    ~Registry() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  private:
    TempDir dir_ = TempDir::create("registry").value();
    int port_;
    pid_t pid_ = -1;
};

std::string output_of(const std::vector<std::string>& command) {
    auto output = run_command(command);
    REQUIRE(output);
    INFO(output->err);
    REQUIRE(output->exit_code == 0);
    return output->out;
}

void check_tree(const std::filesystem::path& root, const Image& image) {
    for (const Entry& entry : image.entries) {
        INFO(entry.path);
        struct stat status {};
        REQUIRE(::lstat((root / entry.path).c_str(), &status) == 0);
        CHECK(status.st_mtime == 0);
        CHECK(status.st_uid == 0);
        if (entry.kind == EntryKind::symlink) {
            CHECK(std::filesystem::read_symlink(root / entry.path) == entry.content);
            continue;
        }
        CHECK((status.st_mode & 07777U) == entry.mode);
        if (entry.kind == EntryKind::file)
            CHECK(read_file(root / entry.path).value() == entry.content);
    }
}

}  // namespace

TEST_CASE("skopeo reads, a registry takes, umoci unpacks what we write") {
    Registry registry;
    for (auto compression : {Compression::gzip, Compression::zstd, Compression::none}) {
        TempDir dir = TempDir::create().value();
        Image image = test::sample();
        image.compression = compression;
        image.tag = "v1";
        auto written = write_layout(dir / "layout", image);
        REQUIRE(written);
        std::string layout = "oci:" + (dir / "layout").string() + ":v1";
        json seen = json::parse(output_of({"skopeo", "inspect", layout}));
        CHECK(seen["Digest"] == written->manifest.oci());
        CHECK(seen["Architecture"] == "amd64");
        CHECK(seen["Labels"]["org.opencontainers.image.title"] == "sample");

        std::string name = "docker://" + registry.host() + "/actions/x:v" +
                           std::to_string(static_cast<int>(compression));
        output_of({"skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", layout, name});
        json stored = json::parse(output_of({"skopeo", "inspect", "--tls-verify=false", name}));
        // skopeo compresses what is not, which makes another image.
        CHECK((stored["Digest"] == written->manifest.oci()) == (compression != Compression::none));

        if (compression == Compression::zstd) continue;  // umoci 0.4 cannot
        output_of({"umoci", "unpack", "--image", (dir / "layout").string() + ":v1",
                   (dir / "bundle").string()});
        check_tree(dir / "bundle/rootfs", image);
    }
}
