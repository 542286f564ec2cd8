#include "tests/unit/debian/test_packages.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <stdexcept>

#include "lib/base/child.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/file.hpp"

using namespace osiekit;

namespace {

la_ssize_t append(archive*, void* target, const void* bytes, std::size_t size) {
    static_cast<std::string*>(target)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
}

void set_compression(archive* writer, const std::string& compression) {
    if (compression == "gz") archive_write_add_filter_gzip(writer);
    if (compression == "xz") archive_write_add_filter_xz(writer);
    if (compression == "zst") archive_write_add_filter_zstd(writer);
    if (compression == "bz2") archive_write_add_filter_bzip2(writer);
    archive_write_set_bytes_in_last_block(writer, 1);
}

void must(bool good, const char* what) {
    if (!good) throw std::runtime_error(what);
}

}  // namespace

std::string make_tar(const std::vector<TarEntry>& entries, const std::string& compression) {
    std::string bytes;
    archive* writer = archive_write_new();
    archive_write_set_format_gnutar(writer);
    set_compression(writer, compression);
    must(archive_write_open(writer, &bytes, nullptr, append, nullptr) == ARCHIVE_OK, "tar");
    for (const TarEntry& one : entries) {
        archive_entry* entry = archive_entry_new();
        archive_entry_set_pathname(entry, one.name.c_str());
        archive_entry_set_perm(entry, one.mode);
        archive_entry_set_mtime(entry, 1'700'000'000, 0);
        archive_entry_set_size(entry,
                               one.type == 'f' ? static_cast<la_int64_t>(one.content.size()) : 0);
        archive_entry_set_filetype(entry, one.type == 'd'   ? AE_IFDIR
                                          : one.type == 'l' ? AE_IFLNK
                                          : one.type == 'c' ? AE_IFCHR
                                          : one.type == 'p' ? AE_IFIFO
                                                            : AE_IFREG);
        if (one.type == 'l') archive_entry_set_symlink(entry, one.content.c_str());
        if (one.type == 'h') archive_entry_set_hardlink(entry, one.content.c_str());
        if (one.type == 'c') {
            archive_entry_set_rdevmajor(entry, 5);
            archive_entry_set_rdevminor(entry, 1);
        }
        must(archive_write_header(writer, entry) == ARCHIVE_OK, "tar header");
        if (one.type == 'f') archive_write_data(writer, one.content.data(), one.content.size());
        archive_entry_free(entry);
    }
    archive_write_close(writer);
    archive_write_free(writer);
    return bytes;
}

std::string compress_xz(const std::string& bytes) {
    std::string packed;
    archive* writer = archive_write_new();
    archive_write_set_format_raw(writer);
    set_compression(writer, "xz");
    must(archive_write_open(writer, &packed, nullptr, append, nullptr) == ARCHIVE_OK, "xz");
    archive_entry* entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    must(archive_write_header(writer, entry) == ARCHIVE_OK, "xz header");
    archive_write_data(writer, bytes.data(), bytes.size());
    archive_entry_free(entry);
    archive_write_close(writer);
    archive_write_free(writer);
    return packed;
}

std::string make_ar(const std::vector<ArEntry>& members) {
    std::string bytes = "!<arch>\n";
    auto field = [&](std::string text, std::size_t width) {
        text.resize(width, ' ');
        bytes += text;
    };
    for (const auto& [name, content] : members) {
        field(name, 16);
        field("0", 12);
        field("0", 6);
        field("0", 6);
        field("100644", 8);
        field(std::to_string(content.size()), 10);
        bytes += "`\n" + content;
        if (content.size() % 2 == 1) bytes += '\n';
    }
    return bytes;
}

std::string make_deb(const std::string& control, const std::vector<TarEntry>& data,
                     const std::string& compression) {
    std::string suffix = compression.empty() ? "" : "." + compression;
    return make_ar({{"debian-binary", "2.0\n"},
                    {"control.tar" + suffix, make_tar({{"./control", 'f', control}}, compression)},
                    {"data.tar" + suffix, make_tar(data, compression)}});
}

Signer::Signer(const std::string& name, const std::string& made, const std::string& expires)
    : home_(TempDir::create("osiekit-gpg").value()), time_(made) {
    gpg({"--passphrase", "", "--quick-gen-key", name + " <" + name + "@test.example>", "ed25519",
         "sign", expires});
}

Signer::~Signer() {
    // gpg started an agent for this directory.
    auto ended =
        run_command({"gpgconf", "--homedir", home_.path().string(), "--kill", "gpg-agent"});
    (void)ended;
}

std::string Signer::gpg(std::vector<std::string> arguments) const {
    std::vector<std::string> command = {"gpg",     "--homedir", home_.path().string(), "--batch",
                                        "--quiet", "--no-tty",  "--pinentry-mode",     "loopback"};
    if (!time_.empty()) {
        command.emplace_back("--faked-system-time");
        // Standing still: a key that took a second to make would be too young to sign.
        command.push_back(time_ + "!");
    }
    command.insert(command.end(), arguments.begin(), arguments.end());
    CommandOutput output = run_command(command).value();
    if (output.exit_code != 0) throw std::runtime_error("gpg failed: " + output.err);
    return output.out;
}

std::string Signer::clear_sign(const std::string& text) const {
    std::filesystem::path file = home_ / "text";
    must(write_file(file, text).ok(), "cannot write the text to sign");
    return gpg({"--passphrase", "", "--clearsign", "--output", "-", file.string()});
}

std::string Signer::public_key(bool armoured) const {
    return armoured ? gpg({"--armor", "--export"}) : gpg({"--export"});
}

std::string Signer::fingerprint() const {
    std::string listing = gpg({"--with-colons", "--list-keys"});
    std::size_t at = listing.find("fpr:::::::::");
    return listing.substr(at + 12, 40);
}

std::string TestRepository::pool_path(const TestPackage& package) {
    return "pool/main/" + package.name + "_" + package.version + "_" + package.architecture +
           ".deb";
}

std::string TestRepository::index_path() const {
    std::string folder = "/debian/dists/" + suite + "/main/binary-amd64/";
    return folder + (by_hash ? "by-hash/SHA256/" + index_digest_ : "Packages.xz");
}

void TestRepository::publish() {
    std::string packages;
    for (const TestPackage& package : packages_) {
        std::string control = "Package: " + package.name + "\nVersion: " + package.version +
                              "\nArchitecture: " + package.architecture +
                              "\nMaintainer: Nobody <nobody@test.example>\n";
        if (!package.depends.empty()) control += "Depends: " + package.depends + "\n";
        if (!package.provides.empty()) control += "Provides: " + package.provides + "\n";
        control += "Description: made for a test\n of two lines\n";
        std::string deb = make_deb(control, {{"./", 'd', "", 0755},
                                             {"./usr/", 'd', "", 0755},
                                             {"./usr/" + package.name, 'f', package.payload}});
        server_.put("/debian/" + pool_path(package), deb);
        auto lie = wrong_digest.find(package.name);
        std::string digest = lie != wrong_digest.end() ? lie->second : Sha256::of(deb).hex();
        packages += control + "Filename: " + pool_path(package) +
                    "\nSize: " + std::to_string(deb.size()) + "\nSHA256: " + digest + "\n\n";
    }
    std::string index = compress_xz(packages);
    index_digest_ = Sha256::of(index).hex();
    server_.put(index_path(), index);
    std::string release =
        "Origin: Test\nSuite: stable\nCodename: " + suite + "\nDate: " + date + "\n";
    if (!valid_until.empty()) release += "Valid-Until: " + valid_until + "\n";
    if (!label.empty()) release += "Label: " + label + "\n";
    if (by_hash) release += "Acquire-By-Hash: yes\n";
    release +=
        "Architectures: all amd64\nNo-Support-for-Architecture-all: Packages\n"
        "Components: main\nSHA256:\n ";
    release += Sha256::of(packages).hex() + " " + std::to_string(packages.size()) +
               " main/binary-amd64/Packages\n ";
    release +=
        index_digest_ + " " + std::to_string(index.size()) + " main/binary-amd64/Packages.xz\n";
    server_.put("/debian/dists/" + suite + "/InRelease", signer_.clear_sign(release));
}
