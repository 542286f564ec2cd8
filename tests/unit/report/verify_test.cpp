#include "builder/report/verify.hpp"

#include <sys/stat.h>

#include "builder/image/compose.hpp"
#include "builder/image/frame_writer.hpp"
#include "builder/image/zstd_stream.hpp"
#include "tests/unit/report/site.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

std::string archive(const std::vector<std::string>& files) {
    Tree tree;
    for (const std::string& path : files)
        REQUIRE(tree.add(path, Entry::file(FileContent::bytes("content"), "t")));
    return cpio_of(tree);
}

// One newc entry, as hostile as one likes.
std::string raw(const std::string& path, std::uint32_t mode, const std::string& content = "") {
    std::string text = "070701";
    for (std::size_t field :
         {std::size_t{1}, std::size_t{mode}, std::size_t{0}, std::size_t{0}, std::size_t{1},
          std::size_t{0}, content.size(), std::size_t{0}, std::size_t{0}, std::size_t{0},
          std::size_t{0}, path.size() + 1, std::size_t{0}}) {
        char digits[9];
        std::snprintf(digits, sizeof digits, "%08zx", field);
        text += digits;
    }
    auto pad = [&] { text.append((4 - text.size() % 4) % 4, '\0'); };
    text += path + '\0';
    pad();
    text += content;
    pad();
    return text;
}

std::string end_mark() {
    return raw("TRAILER!!!", 0);
}

std::string padded(std::string bytes) {
    bytes.append((4 - bytes.size() % 4) % 4, '\0');
    return bytes;
}

std::string frame(const std::string& bytes) {
    auto made = zstd_compress(bytes, {});
    REQUIRE(made);
    return padded(*made);
}

std::string sentinel() {
    return archive({std::string(sentinel_path)});
}

std::vector<std::string> found(const std::string& image, const Manifest* manifest = nullptr) {
    std::vector<std::string> texts;
    for (const Finding& finding : verify_initramfs(image, manifest).findings)
        texts.push_back(finding.to_string());
    return texts;
}

bool has(const std::vector<std::string>& texts, const std::string& part) {
    for (const std::string& text : texts)
        if (text.find(part) != std::string::npos) return true;
    for (const std::string& text : texts) UNSCOPED_INFO(text);
    return false;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a whole image is good") {
    BuiltSite site;
    auto verification = verify_image(site.out);
    REQUIRE(verification);
    for (const Finding& finding : verification->findings) UNSCOPED_INFO(finding.to_string());
    CHECK(verification->good());
    CHECK(verification->has_manifest);
    CHECK(verification->segments == 5);
    auto alone = verify_image(site.out + "/initramfs");
    REQUIRE(alone);
    CHECK(alone->good());
    CHECK_FALSE(alone->has_manifest);
    CHECK_FALSE(verify_image(site.out + "/none").ok());
}

TEST_CASE("every damaged segment is named, with its place") {
    BuiltSite site;
    auto manifest = parse_manifest(site.manifest_text());
    REQUIRE(manifest);
    std::string image = site.initramfs();
    std::uint64_t offset = 0;
    std::string all = image;
    for (const ManifestSegment& segment : manifest->segments) {
        std::string damaged = image;
        damaged[offset + segment.size / 2] ^= 0x55;
        all[offset + segment.size / 2] ^= 0x55;
        auto texts = found(damaged, &*manifest);
        std::string place =
            "initramfs, byte " + std::to_string(offset) + ", segment " + segment.name + ": ";
        CHECK(has(texts, place + "its digest is not the one of the manifest"));
        CHECK(texts[0] == "initramfs: its digest is not the one of the manifest");
        offset += segment.size;
    }
    std::size_t digests = 0;
    for (const std::string& text : found(all, &*manifest))
        if (text.find("segment") != std::string::npos &&
            text.find("its digest is not") != std::string::npos)
            ++digests;
    CHECK(digests == manifest->segments.size());
}

TEST_CASE("an image cut short, or with something behind it, is found") {
    BuiltSite site;
    auto manifest = parse_manifest(site.manifest_text());
    REQUIRE(manifest);
    std::string image = site.initramfs();
    const ManifestSegment& last = manifest->segments.back();
    auto cut = found(image.substr(0, image.size() - 4), &*manifest);
    REQUIRE(cut.size() == 2);
    CHECK(cut[0] == "initramfs: it has " + std::to_string(image.size() - 4) +
                        " bytes, the manifest says " + std::to_string(image.size()));
    CHECK(cut[1].find("segment site: it is cut short: " + std::to_string(last.size)) !=
          std::string::npos);
    CHECK(has(found(image + "tail", &*manifest),
              "byte " + std::to_string(image.size()) + ": 4 bytes follow the last segment"));
    CHECK(has(found(image + "tail"), "byte " + std::to_string(image.size()) +
                                         ": the kernel stops here: neither a cpio archive nor"));
    CHECK(has(found("", &*manifest), "it is cut short"));
}

TEST_CASE("a kernel and a manifest of another image are found") {
    BuiltSite site;
    auto texts = [&] {
        auto verification = verify_image(site.out);
        REQUIRE(verification);
        Texts list;
        for (const Finding& finding : verification->findings) list.push_back(finding.to_string());
        return list;
    };
    std::string kernel = slurp(site.folder / "out/vmlinuz");
    spill(site.folder / "out/vmlinuz", kernel + "x");
    CHECK(texts() == Texts{"vmlinuz: its digest is not the one of the manifest"});
    std::filesystem::remove(site.folder / "out/vmlinuz");
    CHECK(texts() == Texts{"vmlinuz: it is not there"});
    spill(site.folder / "out/vmlinuz", kernel);
    CHECK(texts().empty());
    auto manifest = nlohmann::json::parse(site.manifest_text());
    auto with = [&](auto change) {
        auto changed = manifest;
        change(changed["segments"][1]);
        spill(site.folder / "out/manifest.json", changed.dump());
        return texts();
    };
    CHECK(has(with([](auto& segment) { segment["unpacked"] = 4; }), "the manifest says 4"));
    CHECK(has(with([](auto& segment) { segment["entries"] = 4; }), "entries, the manifest says 4"));
    CHECK(has(with([](auto& segment) { segment["content_digest"] = Sha256().oci(); }),
              "its unpacked archive has not the digest"));
    CHECK(has(with([](auto& segment) { segment["digest"] = 1; }),
              "manifest.json: segments[1].digest: a text is expected"));
    std::filesystem::remove(site.folder / "out/manifest.json");
    CHECK(texts() == Texts{"manifest.json: it is not there"});
}

TEST_CASE("what the kernel does not take is found") {
    CHECK(found(frame(sentinel())).empty());
    CHECK(has(found(std::string("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12) + frame(sentinel())),
              "initramfs, byte 0: the kernel stops here: a skippable zstd frame"));
    CHECK(has(found(frame(archive({"a"})) + std::string("\x5f\x2a\x4d\x18\0\0\0\0", 8)),
              "a skippable zstd frame"));
    // xz with CRC64, as xz makes it unless told otherwise.
    auto folder = TempDir::create();
    REQUIRE(folder);
    spill(*folder / "a", sentinel());
    auto xz = run_command({"xz", "--keep", (*folder / "a").string()});
    REQUIRE(xz);
    REQUIRE(xz->exit_code == 0);
    CHECK(has(found(padded(slurp(*folder / "a.xz"))), "a check that the kernel does not know"));
    // A window of 256 MiB, said in the frame's header alone (RFC 8878, section 3.1.1.1.2).
    std::string window("\x28\xb5\x2f\xfd\x00\x90", 6);
    CHECK(has(found(window + std::string("\x01\0\0", 3)), "the kernel stops here"));
    CHECK(has(found(std::string(2, '\0') + sentinel()), "the kernel stops here"));
    CHECK(has(found(frame("junk")), "the kernel stops here"));
    CHECK(has(found(frame(raw(std::string(4096, 'n'), S_IFREG | 0644) + end_mark())),
              "a name of 4097 bytes"));
    CHECK(has(found(std::string(16, '\0')), "the image is empty"));
}

TEST_CASE("what the kernel would lose is found") {
    std::string last = frame(sentinel());
    auto of = [&](const std::string& entries) { return found(frame(entries + end_mark()) + last); };
    CHECK(of(raw("a", S_IFDIR | 0755) + raw("a/b", S_IFREG | 0644, "x")).empty());
    CHECK(of(raw("dev/null", S_IFCHR | 0666)).empty());  // the kernel has /dev
    CHECK(of(raw("a/b", S_IFREG | 0644, "x")) ==
          Texts{"initramfs, byte 0, segment 0: /a/b: the kernel loses it: no folder above it comes "
                "before"});
    CHECK(has(of(raw("a", S_IFREG | 0644) + raw("a/b", S_IFREG | 0644)), "is no folder"));
    CHECK(has(of(raw("../x", S_IFREG | 0644)), "\"..\" in its name"));
    CHECK(of(raw(std::string(255, 'n'), S_IFREG | 0644)).empty());
    CHECK(has(of(raw(std::string(256, 'n'), S_IFREG | 0644)), "has 256 bytes, file systems take"));
    CHECK(has(of(raw("d", S_IFDIR | 0755, "content")), "the kernel passes over it"));
    CHECK(has(of(raw("l", S_IFLNK | 0777)), "a symlink without a target"));
    CHECK(of(raw("l", S_IFLNK | 0777, std::string(4095, 't'))).empty());
    CHECK(has(of(raw("l", S_IFLNK | 0777, std::string(4096, 't'))), "too long a target"));
    CHECK(has(found(last + frame(archive({"z"}))), "its last entry is not /etc/osie/complete"));
    // Of another maker's image nobody expects it.
    CHECK(found(frame(archive({"init", "z"}))).empty());
}
