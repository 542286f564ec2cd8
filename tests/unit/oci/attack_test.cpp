// Archives that were made to do harm: what they reach, and where they are stopped.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>

#include "lib/oci/copy_layer.hpp"
#include "lib/oci/tar_reader.hpp"
#include "lib/oci/tree_at.hpp"
#include "tests/unit/oci/tar_builder.hpp"
#include "tests/unit/oci/unpack_sandbox.hpp"

using namespace osiekit;
using namespace osiekit::oci;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t block = 512;

// A gzip stream that is made while it is read: `head`, then `repeat` again and again.
class GzipForever {
  public:
    GzipForever(std::string head, std::string repeat, std::uint64_t times)
        : head_(std::move(head)), repeat_(std::move(repeat)), left_(times) {
        REQUIRE(deflateInit2(&stream_, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    }
    GzipForever(const GzipForever&) = delete;
    GzipForever& operator=(const GzipForever&) = delete;
    ~GzipForever() { deflateEnd(&stream_); }

    Result<std::string_view> operator()() {
        out_.resize(4096);
        stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
        stream_.avail_out = static_cast<uInt>(out_.size());
        while (!done_ && stream_.avail_out > 0) {
            if (stream_.avail_in == 0) feed();
            done_ = deflate(&stream_, left_ == 0 && head_.empty() ? Z_FINISH : Z_NO_FLUSH) ==
                    Z_STREAM_END;
        }
        out_.resize(out_.size() - stream_.avail_out);
        given_ += out_.size();
        return std::string_view(out_);
    }
    std::uint64_t given() const { return given_; }
    std::uint64_t left() const { return left_; }

  private:
    void feed() {
        if (!head_.empty()) {
            now_ = std::exchange(head_, {});
        } else if (left_ > 0) {
            --left_;
            if (now_ != repeat_) now_ = repeat_;
        } else {
            return;
        }
        stream_.next_in = reinterpret_cast<Bytef*>(now_.data());
        stream_.avail_in = static_cast<uInt>(now_.size());
    }

    std::string head_;
    std::string repeat_;
    std::string now_;
    std::string out_;
    std::uint64_t left_;
    std::uint64_t given_ = 0;
    bool done_ = false;
    z_stream stream_{};
};

// The header of a file of `size` bytes that are not there yet.
std::string header_of_file(const std::string& name, std::uint64_t size, char type = '0') {
    return TarBuilder().header(name, type, size).bytes();
}

Status add_entry(const Sandbox& sandbox, const LayerEntry& entry) {
    Fd fd = open_file(sandbox.root, O_RDONLY | O_DIRECTORY).value();
    LayerWriter writer(fd.get());
    OSIEKIT_ASSIGN(Fd file, writer.add(entry));
    return {};
}

}  // namespace

TEST_CASE("CVE-2017-14992: 10 GiB of zeros stop at the limit") {
    Sandbox sandbox;
    constexpr std::uint64_t size = 10ULL << 30U;
    std::string megabyte(1U << 20U, '\0');
    GzipForever bomb(header_of_file("zeros", size), megabyte, size / megabyte.size());
    UnpackLimits limits;
    limits.tar_bytes = 32U << 20U;
    auto failed = sandbox.unpack_from([&] { return bomb(); }, limits);
    REQUIRE(failed.error().kind() == ErrorKind::limit);
    REQUIRE(failed.error().to_string().find("32") != std::string::npos);
    REQUIRE(fs::file_size(sandbox.root / "zeros") <= limits.tar_bytes);
    // The rest was not even asked for.
    REQUIRE(bomb.left() > 9 * 1024);
}

// unpack_test.cpp counts exactly, with a smaller limit.
TEST_CASE("a million entries stop at the limit") {
    Sandbox sandbox;
    // Nothing is made for such a name, so that only reading counts.
    constexpr std::uint64_t at_once = 500;
    std::string entry = header_of_file(".wh..wh.x", 0);
    std::string entries;
    for (std::uint64_t i = 0; i < at_once; ++i) entries += entry;
    GzipForever many({}, entries, 1000000 / at_once);
    auto failed = sandbox.unpack_from([&] { return many(); });
    REQUIRE(failed.error().kind() == ErrorKind::limit);
    REQUIRE(failed.error().message().find(std::to_string(max_layer_entries)) != std::string::npos);
    REQUIRE(many.left() > 0);
}

TEST_CASE("device nodes are counted") {
    REQUIRE(WriterLimits().devices == max_device_nodes);
    for (unsigned count : {3U, 4U}) {
        Sandbox sandbox;
        TarBuilder tar;
        for (unsigned i = 0; i < count; ++i)
            tar.entry("d" + std::to_string(i), i % 2 == 0 ? '3' : '4', {}, {}, 0600, 0, 1, 3);
        UnpackLimits limits;
        limits.writer.devices = 3;
        auto unpacked = sandbox.unpack(tar.entry("fifo", '6').finish(), limits);
        REQUIRE(unpacked.ok() == (count == 3));
        if (!unpacked) REQUIRE(unpacked.error().kind() == ErrorKind::limit);
        REQUIRE_FALSE(fs::exists(sandbox.root / "d3"));
    }
}

TEST_CASE("remembered names are counted") {
    REQUIRE(WriterLimits().remembered_bytes == max_remembered_bytes);
    // "dir", "d/gone", and "d", which was made for it: each with its end.
    std::string tar =
        TarBuilder().directory("dir").entry("d/.wh.gone", '0').entry(".wh..wh.x", '0').finish();
    for (std::uint64_t most : {13U, 12U}) {
        Sandbox sandbox;
        UnpackLimits limits;
        limits.writer.remembered_bytes = most;
        auto unpacked = sandbox.unpack(tar, limits);
        REQUIRE(unpacked.ok() == (most == 13));
        if (!unpacked) REQUIRE(unpacked.error().kind() == ErrorKind::limit);
    }
}

TEST_CASE("sparse files: holes stay holes, and do not hide any size") {
    for (std::uint64_t size : {max_file_bytes, max_file_bytes + 1}) {
        Sandbox sandbox;
        auto unpacked = sandbox.unpack(TarBuilder()
                                           .pax("GNU.sparse.size", std::to_string(size))
                                           .pax_more("GNU.sparse.numblocks", "1")
                                           .pax_more("GNU.sparse.map", "4096,5")
                                           .file("sparse", "bytes")
                                           .finish());
        REQUIRE(unpacked.ok() == (size == max_file_bytes));
        if (!unpacked) {
            REQUIRE(unpacked.error().kind() == ErrorKind::limit);
            continue;
        }
        struct stat status = sandbox.look("sparse");
        REQUIRE(static_cast<std::uint64_t>(status.st_size) == max_file_bytes);
        REQUIRE(status.st_blocks <= 64);
        // Where overlayfs is missing, layers are copied.
        fs::path copy = sandbox.directory / "copy";
        fs::create_directory(copy);
        REQUIRE(copy_layer(sandbox.root, copy));
        struct stat copied {};
        REQUIRE(::stat((copy / "sparse").c_str(), &copied) == 0);
        REQUIRE(copied.st_size == status.st_size);
        REQUIRE(copied.st_blocks <= 64);
        Fd fd = open_file(copy / "sparse", O_RDONLY).value();
        std::string content(5, '\0');
        REQUIRE(::pread(fd.get(), content.data(), content.size(), 4096) == 5);
        REQUIRE(content == "bytes");
    }
}

TEST_CASE("a map of holes without end is stopped while it is read") {
    auto sparse = [](std::uint64_t stored) {
        return TarBuilder()
                   .pax("GNU.sparse.major", "1")
                   .pax_more("GNU.sparse.minor", "0")
                   .pax_more("GNU.sparse.name", "mapped")
                   .pax_more("GNU.sparse.realsize", "5")
                   .bytes() +
               header_of_file("mapped", stored);
    };
    constexpr std::uint64_t huge = 1ULL << 40U;
    GzipForever forever(sparse(huge) + "400000000000\n", std::string(1U << 16U, '1') + "\n",
                        1U << 20U);
    Sandbox sandbox;
    REQUIRE_FALSE(sandbox.unpack_from([&] { return forever(); }));
    std::string holes;
    while (holes.size() < (1U << 16U)) holes += "0\n0\n";
    GzipForever many(sparse(huge) + "400000000000\n", holes, 1U << 20U);
    auto failed = sandbox.unpack_from([&] { return many(); });
    REQUIRE(failed.error().kind() == ErrorKind::limit);
    // Exactly: the PAX header and its records, the file's header, the map.
    std::uint64_t room = max_header_bytes - 3 * block;
    std::string count = std::to_string((room - 16) / 4);
    for (std::uint64_t extra : {std::uint64_t{0}, block}) {
        std::string map = std::string(16 - count.size() - 1, '0') + count + "\n";
        for (std::size_t i = 0; i < (room - 16) / 4; ++i) map += "0\n0\n";
        if (extra > 0) map.insert(0, std::string(extra, '0'));
        REQUIRE(map.size() == room + extra);
        auto unpacked = sandbox.unpack(sparse(map.size()) + map + std::string(2 * block, '\0'));
        INFO((unpacked ? std::string() : unpacked.error().to_string()));
        REQUIRE(unpacked.ok() == (extra == 0));
    }
}

TEST_CASE("names: too long, too deep, and at the limit") {
    std::string parts;
    for (std::size_t i = 0; i < max_name_depth; ++i) parts += i == 0 ? "d" : "/d";
    Sandbox sandbox;
    REQUIRE(sandbox.unpack(TarBuilder().pax("path", parts).file("x", "x").finish()));
    auto deeper = sandbox.unpack(TarBuilder().pax("path", parts + "/d").file("x", "x").finish());
    REQUIRE(deeper.error().kind() == ErrorKind::limit);
    std::string part(200, 'n');
    std::string longest;
    while (longest.size() + 201 < max_name_bytes) longest += part + "/";
    longest.append(max_name_bytes - longest.size(), 'e');
    REQUIRE(sandbox.unpack(TarBuilder().pax("path", longest).file("x", "x").finish()));
    auto longer = sandbox.unpack(TarBuilder().pax("path", longest + "e").file("x", "x").finish());
    REQUIRE(longer.error().kind() == ErrorKind::limit);
    // GNU's way of writing a long name, and a target that no kernel takes.
    REQUIRE_FALSE(sandbox.unpack(
        TarBuilder().entry("././@LongLink", 'L', longest + "e" + '\0').file("x", "x").finish()));
    auto target = sandbox.unpack(
        TarBuilder().pax("linkpath", std::string(5000, 't')).symlink("l", "t").finish());
    REQUIRE(target.error().error_number() == ENAMETOOLONG);
    REQUIRE_FALSE(fs::is_symlink(sandbox.root / "l"));
}

TEST_CASE("directories are nested without limit through links, and can be removed") {
    Sandbox sandbox;
    // Each link leads to the end of the one before.
    std::string parts;
    for (int i = 0; i < 200; ++i) parts += "d/";
    TarBuilder tar;
    tar.directory(parts).symlink("l0", parts);
    for (int i = 1; i < 30; ++i) {
        std::string before = "l" + std::to_string(i - 1) + "/";
        tar.pax("path", before + parts).directory("x");
        tar.pax("linkpath", before + parts).symlink("l" + std::to_string(i), "x");
    }
    REQUIRE(sandbox.unpack(tar.finish()));
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    Fd next = open_file("/dev/null", O_RDONLY).value();
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(next.get()) + 25;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    Fd parent = open_file(sandbox.directory.path(), O_PATH | O_DIRECTORY).value();
    auto removed = remove_tree_at(parent.get(), "root");
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    INFO((removed ? std::string() : removed.error().to_string()));
    REQUIRE(removed);
    REQUIRE_FALSE(fs::exists(sandbox.root));
    REQUIRE(fs::exists(sandbox.outside / "witness"));
    REQUIRE(remove_tree_at(parent.get(), "root"));
}

TEST_CASE("removal: many directories with content, links out, and nothing else") {
    Sandbox sandbox;
    TarBuilder tar;
    for (int i = 0; i < 300; ++i) {
        std::string name = "d" + std::to_string(i);
        tar.file(name + "/a/b/c/file", "x").symlink(name + "/out", sandbox.outside);
    }
    REQUIRE(sandbox.unpack(tar.finish()));
    Fd parent = open_file(sandbox.directory.path(), O_PATH | O_DIRECTORY).value();
    REQUIRE(remove_tree_at(parent.get(), "root"));
    REQUIRE_FALSE(fs::exists(sandbox.root));
    REQUIRE(read_file(sandbox.outside / "witness").value() == "untouched");
}

TEST_CASE("one name ten thousand times is one name") {
    Sandbox sandbox;
    TarBuilder tar;
    for (int i = 0; i < 10000; ++i) {
        switch (i % 5) {
            case 0:
                tar.file("same", std::to_string(i));
                break;
            case 1:
                tar.directory("same");
                break;
            case 2:
                tar.symlink("same", sandbox.outside / "witness");
                break;
            case 3:
                tar.entry("same", '6');
                break;
            default:
                tar.file("same/below", "x");
                break;
        }
        // "same/below" needs a directory there.
        if (i % 5 == 3) tar.directory("same");
    }
    REQUIRE(sandbox.unpack(tar.file("same", "last").finish()));
    REQUIRE(read_file(sandbox.root / "same").value() == "last");
    REQUIRE(std::distance(fs::directory_iterator(sandbox.root), fs::directory_iterator()) == 1);
    sandbox.require_outside_untouched();
}

TEST_CASE(
    "CVE-2021-32760: attributes of links reach neither the link's target nor its other names") {
    Sandbox sandbox;
    constexpr const char* key = "SCHILY.xattr.trusted.mark";
    REQUIRE(sandbox.unpack(TarBuilder()
                               .file("victim", "x")
                               .pax(key, "evil")
                               .symlink("link", "victim")
                               .pax(key, "evil")
                               .symlink("out", sandbox.outside / "witness")
                               .pax(key, "evil")
                               .hard_link("twin", "victim")
                               .pax(key, "mine")
                               .file("own", "x")
                               .finish()));
    auto marked = [](const fs::path& path) {
        return ::lgetxattr(path.c_str(), "trusted.mark", nullptr, 0) >= 0;
    };
    REQUIRE(marked(sandbox.root / "own"));
    REQUIRE_FALSE(marked(sandbox.root / "victim"));
    REQUIRE_FALSE(marked(sandbox.root / "link"));
    REQUIRE_FALSE(marked(sandbox.outside / "witness"));
    sandbox.require_outside_untouched();
}

TEST_CASE("too many attributes are refused, and too large files") {
    Sandbox sandbox;
    for (std::size_t count : {max_xattrs, max_xattrs + 1}) {
        LayerEntry entry;
        entry.name = "x";
        for (std::size_t i = 0; i < count; ++i)
            entry.xattrs.emplace_back("user.n" + std::to_string(i), "v");
        auto added = add_entry(sandbox, entry);
        REQUIRE(added.ok() == (count == max_xattrs));
        if (!added) REQUIRE(added.error().kind() == ErrorKind::limit);
    }
}

TEST_CASE("an owner that chown(2) takes for \"leave it\" is refused") {
    for (const char* key : {"uid", "gid"}) {
        for (const char* id : {"4294967294", "4294967295", "4294967296"}) {
            Sandbox sandbox;
            auto unpacked = sandbox.unpack(TarBuilder().pax(key, id).file("x", "x").finish());
            REQUIRE(unpacked.ok() == (std::string(id) == "4294967294"));
            if (!unpacked) REQUIRE_FALSE(fs::exists(sandbox.root / "x"));
        }
    }
}

TEST_CASE("an archive cut off anywhere gives whole files or an error") {
    std::string first(700, 'a');
    std::string tar = TarBuilder().file("a", first).file("b", "bbb").finish();
    constexpr std::uint64_t end_of_a = block + 700;
    constexpr std::uint64_t end_of_b = 4 * block + 3;
    Sandbox sandbox;
    for (std::size_t size = 0; size <= tar.size(); ++size) {
        fs::remove(sandbox.root / "a");
        fs::remove(sandbox.root / "b");
        auto unpacked = sandbox.unpack(tar.substr(0, size));
        CAPTURE(size);
        bool within_content =
            (size >= block && size < end_of_a) || (size >= 4 * block && size < end_of_b);
        if (within_content) REQUIRE_FALSE(unpacked);
        // As `umoci insert` ends its layers: with the last byte of the last file.
        if (size == end_of_a || size == 3 * block || size >= end_of_b) REQUIRE(unpacked);
        if (!unpacked) continue;
        REQUIRE(unpacked->diff_id == Sha256::of(tar.substr(0, size)));
        REQUIRE(fs::exists(sandbox.root / "a") == (size >= end_of_a));
        REQUIRE(fs::exists(sandbox.root / "b") == (size >= end_of_b));
        if (size >= end_of_a) REQUIRE(read_file(sandbox.root / "a").value() == first);
        if (size >= end_of_b) REQUIRE(read_file(sandbox.root / "b").value() == "bbb");
    }
}

TEST_CASE("zstd frames: skippable ones are skipped, those that want too much memory refused") {
    auto frame = [](unsigned window_log, std::string_view content) {
        std::string bytes = "\x28\xb5\x2f\xfd";
        bytes += '\0';  // a window descriptor follows, no checksum
        bytes += static_cast<char>((window_log - 10) << 3U);
        std::uint32_t block_header = (static_cast<std::uint32_t>(content.size()) << 3U) | 1U;
        for (unsigned shift : {0U, 8U, 16U})
            bytes += static_cast<char>((block_header >> shift) & 0xffU);
        return bytes + std::string(content);
    };
    std::string tar = TarBuilder().file("a", "x").finish();
    std::string skippable = std::string("\x50\x2a\x4d\x18\x04\0\0\0", 8) + "note";
    Sandbox sandbox;
    REQUIRE(sandbox.unpack(frame(27, tar)).value().diff_id == Sha256::of(tar));
    REQUIRE_FALSE(sandbox.unpack(frame(28, tar)));
    REQUIRE(sandbox.unpack(frame(20, tar) + skippable).value().diff_id == Sha256::of(tar));
    REQUIRE(sandbox.unpack(skippable + frame(20, tar)).value().diff_id == Sha256::of(tar));
}

TEST_CASE("a link that leads nowhere is not a place for files") {
    Sandbox sandbox;
    auto failed = sandbox.unpack(TarBuilder().symlink("l", "/gone").file("l/x", "x").finish());
    REQUIRE(failed.error().kind() == ErrorKind::invalid_input);
    REQUIRE(failed.error().message().find("leads nowhere") != std::string::npos);
}
