#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/base/temp_dir.hpp"
#include "tests/unit/debian/test_server.hpp"

// One entry of a tar archive, as a package builder of good or ill will would write it.
struct TarEntry {
    std::string name;
    char type = 'f';      // f file, d directory, l symlink, h hardlink, c character device, p fifo
    std::string content;  // or the target of a link
    unsigned mode = 0644;
};
std::string make_tar(const std::vector<TarEntry>& entries, const std::string& compression = "");

using ArEntry = std::pair<std::string, std::string>;
std::string make_ar(const std::vector<ArEntry>& members);

// A whole package; compression is "", "gz", "xz" or "zst".
std::string make_deb(const std::string& control, const std::vector<TarEntry>& data,
                     const std::string& compression = "xz");

std::string compress_xz(const std::string& bytes);

// A throw-away OpenPGP key.
class Signer {
  public:
    // `made` and `expires` as gpg takes them ("20200101T000000", "1y"); empty: now, never.
    explicit Signer(const std::string& name, const std::string& made = "",
                    const std::string& expires = "never");
    ~Signer();
    Signer(const Signer&) = delete;
    Signer& operator=(const Signer&) = delete;
    std::string clear_sign(const std::string& text) const;
    std::string public_key(bool armoured = false) const;
    std::string fingerprint() const;

  private:
    std::string gpg(std::vector<std::string> arguments) const;
    osiekit::TempDir home_;
    std::string time_;
};

struct TestPackage {
    std::string name;
    std::string version = "1.0";
    std::string depends = {};
    std::string provides = {};
    std::string architecture = "amd64";
    std::string payload = "content";
};

// A signed repository with one suite, published on a TestServer.
class TestRepository {
  public:
    TestRepository(TestServer& server, const Signer& signer) : server_(server), signer_(signer) {}

    std::string suite = "bookworm";
    std::string date = "Sat, 14 Nov 2026 10:00:00 UTC";
    std::string valid_until;
    std::string label;
    bool by_hash = true;
    // What to declare for a package instead of the truth.
    std::map<std::string, std::string> wrong_digest;

    void add(const TestPackage& package) { packages_.push_back(package); }
    void clear() { packages_.clear(); }
    // Puts packages, indexes and InRelease on the server.
    void publish();
    static std::string pool_path(const TestPackage& package);
    std::string index_path() const;

  private:
    TestServer& server_;
    const Signer& signer_;
    std::vector<TestPackage> packages_;
    std::string index_digest_;
};
