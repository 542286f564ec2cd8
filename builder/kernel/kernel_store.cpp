#include "builder/kernel/kernel_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "builder/image/package_licence.hpp"
#include "builder/image/zstd_stream.hpp"
#include "builder/kernel/kernel_image.hpp"
#include "builder/kernel/kernel_reader.hpp"
#include "builder/kernel/module_file.hpp"
#include "builder/kernel/sandbox_options.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

using nlohmann::json;

namespace {

std::string facts_key(const LocatedPackage& package) {
    return "kernel facts 6 " + package.digest.hex();
}
std::string modules_key(const LocatedPackage& package) {
    return "kernel modules 1 " + package.digest.hex();
}

Result<std::string> read_range(const std::filesystem::path& path, std::uint64_t offset,
                               std::uint64_t length) {
    OSIEKIT_ASSIGN(Fd fd, open_file(path, O_RDONLY));
    std::string bytes(length, '\0');
    std::size_t done = 0;
    while (done < length) {
        ssize_t n = ::pread(fd.get(), bytes.data() + done, length - done,
                            static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno("cannot read " + path.string());
        if (n == 0) return Error(ErrorKind::io, path.string() + " is cut short");
        done += static_cast<std::size_t>(n);
    }
    return bytes;
}

// All modules of a package in one file of the cache.
class PackWriter {
  public:
    explicit PackWriter(PendingFile file) : file_(std::move(file)) {}

    Status add(const KernelModule& module, std::string_view bytes) {
        OSIEKIT_ASSIGN(std::string frame, zstd_compress_quickly(bytes));
        OSIEKIT_TRY(write_all(file_.fd(), frame));
        stream_.update(frame);
        list_.push_back({{"path", module.path},
                         {"name", module.info.name},
                         {"depends", module.info.depends},
                         {"aliases", module.info.aliases},
                         {"softdeps", module.info.softdeps},
                         {"firmware", module.info.firmware},
                         {"offset", offset_},
                         {"length", frame.size()},
                         {"size", bytes.size()},
                         {"digest", Sha256::of(bytes).hex()}});
        offset_ += frame.size();
        return {};
    }
    Result<Sha256> store(BlobCache& blobs, const std::string& version) {
        Sha256 digest = stream_.finish();
        OSIEKIT_TRY(blobs.adopt(file_.temporary(), digest, {"modules", version}));
        return digest;
    }
    json list() && { return std::move(list_); }

  private:
    PendingFile file_;
    Sha256Stream stream_;
    std::uint64_t offset_ = 0;
    json list_ = json::array();
};

KernelFacts facts_from(const json& recipe) {
    KernelFacts facts;
    facts.version = recipe.at("version").get<std::string>();
    facts.vmlinuz = Sha256::parse(recipe.at("vmlinuz").get<std::string>()).value();
    facts.vmlinuz_size = recipe.at("vmlinuz_size").get<std::uint64_t>();
    facts.built = recipe.at("built").get<std::int64_t>();
    for (const json& name : recipe.at("unpacks"))
        if (auto method = parse_compression_method(name.get<std::string>()))
            facts.unpacks.insert(*method);
    facts.firmware_suffixes = recipe.at("firmware_suffixes").get<std::set<std::string>>();
    facts.lacks = recipe.at("lacks").get<std::set<std::string>>();
    facts.reads_initramfs_options = recipe.at("initramfs_options").get<bool>();
    facts.modules = Sha256::parse(recipe.at("modules").get<std::string>()).value();
    return facts;
}

}  // namespace

Status KernelStore::follow(const LocatedPackage& package, Arriving& arriving) {
    OSIEKIT_ASSIGN(auto known, recall(package));
    return known ? Status() : take_apart(package, &arriving);
}

Status KernelStore::take_apart(const LocatedPackage& package, Arriving* arriving) {
    OSIEKIT_ASSIGN(PendingFile file, PendingFile::create(blobs_.directory() / "modules"));
    PackWriter pack(std::move(file));
    OSIEKIT_ASSIGN(KernelContents kernel, read_kernel_package(
                                              package, arriving,
                                              [&](const KernelModule& module, std::string&& bytes) {
                                                  return pack.add(module, bytes);
                                              },
                                              cancelled_));
    if (arriving != nullptr) OSIEKIT_TRY(arriving->verdict());
    if (kernel.version.empty()) return recipes_.put(facts_key(package), json{{"version", ""}});
    // Reading the package a second time for it would take as long again.
    if (!kernel.copyright.empty()) OSIEKIT_TRY(keep_licence(package, kernel.copyright, recipes_));
    Sha256 vmlinuz = Sha256::of(kernel.vmlinuz);
    OSIEKIT_TRY(blobs_.put(kernel.vmlinuz, vmlinuz, {"kernel", kernel.version}));
    OSIEKIT_ASSIGN(Sha256 modules, pack.store(blobs_, kernel.version));
    OSIEKIT_TRY(recipes_.put(modules_key(package), json{{"pack", modules.hex()},
                                                        {"builtin", kernel.builtin},
                                                        {"order", kernel.order},
                                                        {"modules", std::move(pack).list()}}));
    json unpacks = json::array();
    for (CompressionMethod method : written_methods) {
        std::string option(kernel_option(method));
        if (kernel.config.empty() || option.empty() || kernel_config_enabled(kernel.config, option))
            unpacks.push_back(to_string(method));
    }
    return recipes_.put(
        facts_key(package),
        json{{"version", kernel.version},
             {"vmlinuz", vmlinuz.hex()},
             {"vmlinuz_size", kernel.vmlinuz.size()},
             {"built", kernel.built},
             {"unpacks", std::move(unpacks)},
             {"firmware_suffixes", firmware_suffixes(kernel.config)},
             {"lacks", lacking_options(kernel.config)},
             {"initramfs_options", kernel_reads_argument(kernel.vmlinuz, "initramfs_options=")},
             {"modules", modules.hex()}});
}

Result<std::optional<std::optional<KernelFacts>>> KernelStore::recall(
    const LocatedPackage& package) {
    using Found = std::optional<std::optional<KernelFacts>>;
    if (!package.digest_known) return Found();
    auto recipe = recipes_.find(facts_key(package));
    if (!recipe) return Found();
    try {
        if (recipe->at("version").get<std::string>().empty())
            return Found(std::optional<KernelFacts>());
        KernelFacts facts = facts_from(*recipe);
        OSIEKIT_ASSIGN(auto vmlinuz, blobs_.find(facts.vmlinuz));
        if (!vmlinuz) return Found();
        return Found(std::optional(facts));
    } catch (const json::exception&) {
        return Found();
    }
}

Result<std::optional<KernelFacts>> KernelStore::facts(const LocatedPackage& package) {
    OSIEKIT_ASSIGN(auto known, recall(package));
    if (known) return *known;
    OSIEKIT_TRY(
        take_apart(package, nullptr).context("taking the package " + package.name + " apart"));
    OSIEKIT_ASSIGN(auto made, recall(package));
    if (made) return *made;
    return Error(ErrorKind::internal, "the cache lost what was just put into it");
}

Result<std::shared_ptr<KernelStore::Loaded>> KernelStore::parse(const json& recipe) {
    auto loaded = std::make_shared<Loaded>();
    try {
        OSIEKIT_ASSIGN(Sha256 digest, Sha256::parse(recipe.at("pack").get<std::string>()));
        OSIEKIT_ASSIGN(auto pack, blobs_.find(digest));
        if (!pack) return std::shared_ptr<Loaded>();
        loaded->pack = *pack;
        loaded->builtin = recipe.at("builtin").get<std::string>();
        loaded->order = recipe.at("order").get<std::string>();
        for (const json& item : recipe.at("modules")) {
            KernelModule module;
            module.path = item.at("path").get<std::string>();
            module.info.name = item.at("name").get<std::string>();
            module.info.depends = item.at("depends").get<std::vector<std::string>>();
            module.info.aliases = item.at("aliases").get<std::vector<std::string>>();
            module.info.softdeps = item.at("softdeps").get<std::vector<std::string>>();
            module.info.firmware = item.at("firmware").get<std::vector<std::string>>();
            Stored stored;
            stored.offset = item.at("offset").get<std::uint64_t>();
            stored.length = item.at("length").get<std::uint64_t>();
            stored.size = item.at("size").get<std::uint64_t>();
            OSIEKIT_ASSIGN(stored.digest, Sha256::parse(item.at("digest").get<std::string>()));
            loaded->stored.emplace(module.path, stored);
            loaded->modules.push_back(std::move(module));
        }
    } catch (const json::exception&) {
        return std::shared_ptr<Loaded>();
    }
    return loaded;
}

Result<std::shared_ptr<KernelStore::Loaded>> KernelStore::load(const LocatedPackage& package) {
    auto known = loaded_.find(package.digest);
    if (known != loaded_.end()) return known->second;
    for (bool retried : {false, true}) {
        if (auto recipe = recipes_.find(modules_key(package))) {
            OSIEKIT_ASSIGN(auto loaded, parse(*recipe));
            if (loaded) return loaded_.emplace(package.digest, loaded).first->second;
        }
        if (!retried)
            OSIEKIT_TRY(take_apart(package, nullptr)
                            .context("taking the package " + package.name + " apart"));
    }
    return Error(ErrorKind::invalid_input, "the package " + package.name + " holds no kernel");
}

Result<ModuleIndex> KernelStore::index(const LocatedPackage& package) {
    OSIEKIT_ASSIGN(auto loaded, load(package));
    return ModuleIndex(loaded->modules, loaded->builtin, loaded->order);
}

Result<FileContent> KernelStore::content(const LocatedPackage& package,
                                         const KernelModule& module) {
    OSIEKIT_ASSIGN(auto loaded, load(package));
    auto found = loaded->stored.find(module.path);
    if (found == loaded->stored.end())
        return Error(ErrorKind::internal, "the module " + module.path + " is not in the cache");
    Stored stored = found->second;
    auto read = [pack = loaded->pack, stored](const ByteSink& sink) -> Status {
        OSIEKIT_ASSIGN(std::string bytes, read_range(pack, stored.offset, stored.length));
        OSIEKIT_ASSIGN(ZstdFrame frame, read_zstd_frame(bytes, largest_module));
        if (Sha256::of(frame.content) != stored.digest)
            return Error(ErrorKind::digest, "a module in the cache is damaged")
                .hint("remove the cache folder");
        return sink(frame.content);
    };
    return FileContent::lazy(stored.size, std::move(read));
}

}  // namespace osiekit::builder
