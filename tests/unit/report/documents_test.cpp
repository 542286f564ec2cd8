#include "builder/report/bom.hpp"
#include "builder/report/provenance.hpp"
#include "tests/unit/report/site.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;
using nlohmann::json;

namespace {

json document(const std::vector<std::string>& arguments, const std::string& environment = "") {
    auto output = osiekit_program(arguments, environment);
    INFO(output.err);
    REQUIRE(output.exit_code == 0);
    return json::parse(output.out);
}

const json& named(const json& list, const std::string& name, const char* key = "name") {
    for (const json& item : list)
        if (item[key] == name) return item;
    FAIL(name << " is not there");
    return list;
}

}  // namespace

TEST_CASE("package URLs follow their specification") {
    ManifestPackage package;
    package.name = "libstdc++6";
    package.version = "1:12.2.0-14+deb12u1~x";
    package.architecture = "amd64";
    CHECK(package_purl(package) ==
          "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1~x?arch=amd64");
    CHECK(source_purl(package).empty());
    package.source = "gcc-12";
    package.source_version = "12.2.0-14";
    package.suite = "bookworm";
    CHECK(package_purl(package).ends_with("?arch=amd64&distro=bookworm"));
    CHECK(source_purl(package) == "pkg:deb/debian/gcc-12@12.2.0-14?arch=source&distro=bookworm");
    package.system = "alpine";
    package.name = "busybox";
    package.version = "1.36.1-r5";
    package.architecture = "x86_64";
    package.suite = "v3.20";
    CHECK(package_purl(package) == "pkg:apk/alpine/busybox@1.36.1-r5?arch=x86_64&distro=v3.20");
    package.system = "file";
    CHECK(package_purl(package) ==
          "pkg:generic/busybox@1.36.1-r5?checksum=sha256:" + package.digest.hex());
    CHECK(generic_purl("a b", "", "") == "pkg:generic/a%20b");
    CHECK(utc_time(1700000000) == "2023-11-14T22:13:20Z");
}

TEST_CASE("an SPDX document has every file once, with whom it comes from") {
    BuiltSite site;
    json spdx = document({"sbom", site.out});
    CHECK(spdx["spdxVersion"] == "SPDX-2.3");
    CHECK(spdx["creationInfo"]["created"] == "1970-01-01T00:00:00Z");
    std::map<std::string, std::string> owner;
    for (const json& relation : spdx["relationships"])
        if (relation["relationshipType"] == "CONTAINS")
            CHECK(owner.emplace(relation["relatedSpdxElement"], relation["spdxElementId"]).second);
    auto owner_of = [&](const std::string& path) {
        const json& file = named(spdx["files"], path, "fileName");
        return named(spdx["packages"], owner.at(file["SPDXID"]), "SPDXID")["name"];
    };
    CHECK(spdx["files"].size() == 16);
    CHECK(owner_of("./lib/modules/6.1-test/kernel/net/top.ko") == "linux-image-test");
    CHECK(owner_of("./lib/modules/6.1-test/modules.dep") == "osiekit-base");
    CHECK(owner_of("./init") == "osie-init");
    CHECK(owner_of("./usr/bin/tink-worker") == "tink-worker");
    CHECK(owner_of("./etc/motd") == "p.yaml");
    CHECK(owner_of("./etc/osie/complete") == "osiekit-base");
    const json& motd = named(spdx["files"], "./etc/motd", "fileName");
    CHECK(motd["comment"] == "from p.yaml:7");
    CHECK(motd["checksums"][0]["checksumValue"] == "f572d396fae9206628714fb2ce00f72e94f2258f");
    CHECK(motd["checksums"][1]["checksumValue"] == Sha256::of("hello\n").hex());
    const json& kernel = named(spdx["packages"], "linux-image-test");
    CHECK(kernel["licenseDeclared"] == "GPL-2.0-only AND LicenseRef-special");
    CHECK(spdx["hasExtractedLicensingInfos"][0]["licenseId"] == "LicenseRef-special");
    CHECK(spdx["documentDescribes"] == json{"SPDXRef-Image"});
}

TEST_CASE("packages of one name from two systems stay apart") {
    KnownImage image;
    image.manifest.kernel.package = "tool";
    image.manifest.kernel.system = "alpine";
    for (const char* system : {"debian", "alpine"}) {
        ManifestPackage package;
        package.system = system;
        package.name = "tool";
        package.version = std::string("1-of-") + system;
        image.manifest.packages.push_back(package);
    }
    CHECK(image.manifest.packages[0].reference() == "tool");
    CHECK(image.manifest.packages[1].reference() == "alpine:tool");
    for (const char* source : {"package tool", "package alpine:tool", "package gone"}) {
        ImageFile file;
        file.path = source;
        file.source = *FileSource::parse(source);
        image.files.push_back(file);
    }
    Bom bom = bill_of_materials(image, 0);
    REQUIRE(bom.components.size() == 3);
    CHECK(bom.components[0].version == "1-of-debian");
    CHECK_FALSE(bom.components[0].kernel);
    REQUIRE(bom.components[0].files.size() == 1);
    CHECK(bom.components[0].files[0]->path == "package tool");
    CHECK(bom.components[1].version == "1-of-alpine");
    CHECK(bom.components[1].kernel);
    REQUIRE(bom.components[1].files.size() == 1);
    CHECK(bom.components[1].files[0]->path == "package alpine:tool");
    CHECK(bom.components[2].name == "gone");
    // A manifest of an older builder, which wrote the name alone.
    image.manifest.packages.erase(image.manifest.packages.begin());
    image.manifest.kernel.system.clear();
    image.files.erase(image.files.begin() + 1, image.files.end());
    bom = bill_of_materials(image, 0);
    REQUIRE(bom.components.size() == 1);
    CHECK(bom.components[0].kernel);
    CHECK(bom.components[0].files.size() == 1);
}

TEST_CASE("SBOMs are the same each time, and carry the time that they are told") {
    BuiltSite site;
    for (const char* format : {"spdx", "cyclonedx"}) {
        std::vector<std::string> command = {"sbom", site.out, "--format", format};
        std::string first = osiekit_program(command).out;
        CHECK(first == osiekit_program(command).out);
        CHECK(first.find(site.folder.path().string()) == std::string::npos);
        CHECK(first.find("sesame") == std::string::npos);
        CHECK(osiekit_program(command, "SOURCE_DATE_EPOCH=1700000000")
                  .out.find("2023-11-14T22:13:20Z") != std::string::npos);
        CHECK(osiekit_program(command, "SOURCE_DATE_EPOCH=soon").exit_code == 2);
    }
    CHECK(osiekit_program({"sbom", site.out, "--format", "swid"}).exit_code == 2);
    std::string file = (site.folder / "x.json").string();
    CHECK(osiekit_program({"sbom", site.out, "--out", file}).out.empty());
    CHECK(slurp(file) == osiekit_program({"sbom", site.out}).out);
}

TEST_CASE("a CycloneDX document has every file once") {
    BuiltSite site;
    json bom = document({"sbom", site.out, "--format", "cyclonedx"});
    CHECK(bom["specVersion"] == "1.5");
    std::set<std::string> references;
    std::size_t files = 0;
    for (const json& component : bom["components"]) {
        CHECK(references.insert(component["bom-ref"]).second);
        if (!component.contains("components")) continue;
        for (const json& file : component["components"]) {
            ++files;
            CHECK(references.insert(file["bom-ref"]).second);
        }
    }
    CHECK(files == 16);
    const json& kernel = named(bom["components"], "linux-image-test");
    CHECK(kernel["licenses"][0]["expression"] == "GPL-2.0-only AND LicenseRef-special");
    const json& profile = named(bom["components"], "p.yaml");
    CHECK(named(profile["components"], "/etc/word")["properties"][0]["value"] ==
          "profile p.yaml:8");
    CHECK(named(bom["dependencies"], "output:vmlinuz", "ref")["dependsOn"] ==
          json{"0:linux-image-test"});
}

TEST_CASE("a provenance statement has the inputs, and no secret") {
    BuiltSite site;
    auto output = osiekit_program({"provenance", site.out});
    REQUIRE(output.exit_code == 0);
    CHECK(output.out.find("sesame") == std::string::npos);
    json statement = json::parse(output.out);
    CHECK(statement["_type"] == "https://in-toto.io/Statement/v1");
    CHECK(statement["predicateType"] == "https://slsa.dev/provenance/v1");
    for (const char* name : {"vmlinuz", "initramfs", "manifest.json"})
        CHECK(named(statement["subject"], name)["digest"]["sha256"] ==
              Sha256::of(slurp(site.folder / "out" / name)).hex());
    const json& build = statement["predicate"]["buildDefinition"];
    CHECK(build["externalParameters"]["profile"] == "p.yaml");
    CHECK(build["externalParameters"]["variables"]["word"]["sha256"] == Sha256::of("sesame").hex());
    const json& inputs = build["resolvedDependencies"];
    CHECK(named(inputs, "p.yaml")["digest"]["sha256"] ==
          Sha256::of(slurp(site.folder / "p.yaml")).hex());
    CHECK(named(inputs, "tink-worker")["digest"]["sha256"] ==
          Sha256::of(slurp(site.folder / "tink-worker")).hex());
    CHECK(named(inputs, "linux-image-test")["digest"]["sha256"] ==
          Sha256::of(slurp(site.folder / "linux-image-test.deb")).hex());
    CHECK(named(inputs, "p.yaml:7")["annotations"]["path"] == "/etc/motd");
}

TEST_CASE("documents call the files of an image by their names") {
    BuiltSite site;
    spill(site.folder / "q.yaml",
          "extends: p.yaml\nname: other\noutputs: {kernel: linux, initramfs: osie.img}\n");
    std::string path = site.folder.path().string();
    std::string out = path + "/other";
    auto built = osiekit_program({"build", path + "/q.yaml", "--out", out, "--programs", path,
                                  "--cache", path + "/cache", "--quiet"});
    INFO(built.err);
    REQUIRE(built.exit_code == 0);
    json spdx = document({"sbom", out});
    json cyclonedx = document({"sbom", out, "--format", "cyclonedx"});
    json statement = document({"provenance", out});
    for (const char* name : {"linux", "osie.img"}) {
        std::string digest = Sha256::of(slurp(std::filesystem::path(out) / name)).hex();
        const json& package = named(spdx["packages"], name);
        CHECK(package["packageFileName"] == name);
        CHECK(package["checksums"][0]["checksumValue"] == digest);
        const json& file = named(cyclonedx["metadata"]["component"]["components"], name);
        CHECK(file["hashes"][0]["content"] == digest);
        CHECK(named(statement["subject"], name)["digest"]["sha256"] == digest);
    }
    for (const json& document : {spdx, cyclonedx, statement})
        CHECK(document.dump().find("\"name\":\"vmlinuz\"") == std::string::npos);
    spill(std::filesystem::path(out) / "linux", "another");
    auto verified = osiekit_program({"verify", out});
    CHECK(verified.exit_code == 1);
    CHECK((verified.out + verified.err).find("linux: its digest") != std::string::npos);
}

TEST_CASE("a build writes the documents that its profile asks for, of the image that it wrote") {
    BuiltSite site;
    std::filesystem::path out = site.folder / "named";
    std::string path = site.folder.path().string();
    spill(site.folder / "named.yaml",
          "extends: p.yaml\nname: named\nvariables: {build: b7}\n"
          "outputs: {kernel: linux, initramfs: osie.img, ipxe: boot.ipxe,\n"
          "  spdx: \"${build}.spdx.json\", cyclonedx: bom.json, provenance: from.json}\n");
    auto built = osiekit_program({"build", path + "/named.yaml", "--out", out.string(),
                                  "--programs", path, "--cache", path + "/cache", "--quiet"});
    INFO(built.err);
    REQUIRE(built.exit_code == 0);
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(out))
        names.insert(entry.path().filename().string());
    CHECK(names == std::set<std::string>{"linux", "osie.img", "boot.ipxe", "manifest.json",
                                         "b7.spdx.json", "bom.json", "from.json"});
    // The same as the commands say of that folder.
    for (const auto& [name, command] :
         {std::pair{"b7.spdx.json", std::vector<std::string>{"sbom"}},
          std::pair{"bom.json", std::vector<std::string>{"sbom", "--format", "cyclonedx"}},
          std::pair{"from.json", std::vector<std::string>{"provenance"}}}) {
        INFO(name);
        auto words = command;
        words.push_back(out.string());
        CHECK(osiekit_program(words).out == slurp(out / name));
    }
    json spdx = json::parse(slurp(out / "b7.spdx.json"));
    json provenance = json::parse(slurp(out / "from.json"));
    // A file of the image, by what is in it.
    const json& motd = named(spdx["files"], "./etc/motd", "fileName");
    bool found = false;
    for (const json& sum : motd["checksums"])
        found = found || sum["checksumValue"] == Sha256::of("hello\n").hex();
    CHECK(found);
    CHECK(named(provenance["predicate"]["buildDefinition"]["resolvedDependencies"],
                "named.yaml")["digest"]["sha256"] ==
          Sha256::of(slurp(site.folder / "named.yaml")).hex());
}

TEST_CASE("documents are only made of an image that is what its manifest says") {
    BuiltSite site;
    spill(site.folder / "out/vmlinuz", "another");
    for (const char* command : {"sbom", "provenance"}) {
        auto refused = osiekit_program({command, site.out});
        CHECK(refused.exit_code == 1);
        CHECK(refused.err.find("vmlinuz is not the file of its manifest.json") !=
              std::string::npos);
    }
    auto foreign = osiekit_program({"sbom", site.out + "/initramfs"});
    CHECK(foreign.exit_code != 0);
}

TEST_CASE("what is wrong with a manifest is said with its place") {
    BuiltSite site;
    std::string text = site.manifest_text();
    json whole = json::parse(text);
    REQUIRE(parse_manifest(text));
    auto message = [&](const std::string& pointer, const json& value) {
        json changed = whole;
        if (value.is_null())
            changed[json::json_pointer(pointer).parent_pointer()].erase(
                json::json_pointer(pointer).back());
        else
            changed[json::json_pointer(pointer)] = value;
        auto manifest = parse_manifest(changed.dump());
        REQUIRE_FALSE(manifest);
        return manifest.error().to_string();
    };
    CHECK(message("/format", 2) == "a manifest of format 2, not 1");
    CHECK(message("/name", nullptr) == "name is missing");
    CHECK(message("/segments", "x") == "segments: a list is expected");
    CHECK(message("/segments/0/size", -1) ==
          "segments[0].size: a number of at least 0 is expected");
    CHECK(message("/segments/1/source", "magic") ==
          "segments[1].source: \"magic\" is no source of files");
    CHECK(message("/initramfs/digest", "abc") == "initramfs.digest: \"abc\" is no SHA-256 digest");
    CHECK(message("/packages/0/license", 7) == "packages[0].license: a text is expected");
    CHECK(message("/profile/variables/word", "sesame").find("is no SHA-256 digest") !=
          std::string::npos);
    CHECK_FALSE(parse_manifest("[]").ok());
    CHECK_FALSE(parse_manifest("{").ok());
    text.resize(largest_manifest, ' ');
    CHECK(parse_manifest(text).ok());
    CHECK(parse_manifest(text + " ").error().kind() == ErrorKind::limit);
}
