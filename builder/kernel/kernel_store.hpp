#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "builder/cache/arriving.hpp"
#include "builder/cache/blob_cache.hpp"
#include "builder/debian/repository.hpp"
#include "builder/image/compression.hpp"
#include "builder/image/recipe_cache.hpp"
#include "builder/kernel/module_set.hpp"
#include "builder/tree.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What is worth knowing about a kernel package without opening it again.
struct KernelFacts {
    std::string version;  // "6.1.0-1-cloud-amd64"
    Sha256 vmlinuz;       // a blob of the cache
    std::uint64_t vmlinuz_size = 0;
    std::int64_t built = 0;  // when, seconds since 1970
    // What its configuration lets it unpack; all methods if the package brings none.
    std::set<CompressionMethod> unpacks;
    // Suffixes of compressed firmware that its loader takes (CONFIG_FW_LOADER_COMPRESS_*).
    std::set<std::string> firmware_suffixes;
    // What sandboxes need and it lacks ("CONFIG_MEMCG"); nothing if the package brings none.
    std::set<std::string> lacks;
    bool reads_initramfs_options = false;  // the argument for the size of the root file system
    Sha256 modules;  // a blob of the cache: all modules, each in a frame of its own
};

// Kernel packages, taken apart once: a package of 27 MB takes seconds to unpack, so its kernel and
// its modules are kept in the cache in a form that gives any of them at once. Key: the package's
// digest.
class KernelStore {
  public:
    KernelStore(BlobCache& blobs, const RecipeCache& recipes, std::function<bool()> cancelled)
        : blobs_(blobs), recipes_(recipes), cancelled_(std::move(cancelled)) {}

    // What facts() would give, if it can without taking the package apart.
    Result<std::optional<std::optional<KernelFacts>>> recall(const LocatedPackage& package);

    // nullopt: the package holds no kernel (boot/vmlinuz-*). Takes the package apart if the cache
    // does not have it. Errors: as read_deb; invalid_input (two kernels, a broken module).
    Result<std::optional<KernelFacts>> facts(const LocatedPackage& package);

    // Takes a Debian package apart that is still on its way; nothing is kept before it is here with
    // the right digest. Errors: as facts(), and cancelled, where it does not come in one piece.
    Status follow(const LocatedPackage& package, Arriving& arriving);

    // All modules of the package with their information.
    Result<ModuleIndex> index(const LocatedPackage& package);
    // The plain bytes of a module of index(); checked against the digest from when it was stored.
    Result<FileContent> content(const LocatedPackage& package, const KernelModule& module);

  private:
    struct Stored {
        std::uint64_t offset = 0;  // in the blob of modules
        std::uint64_t length = 0;
        std::uint64_t size = 0;
        Sha256 digest;
    };
    struct Loaded {
        std::filesystem::path pack;
        std::vector<KernelModule> modules;
        std::string builtin;
        std::string order;
        std::map<std::string, Stored, std::less<>> stored;  // by module path
    };
    // `arriving` may be null: the package has a file.
    Status take_apart(const LocatedPackage& package, Arriving* arriving);
    Result<std::shared_ptr<Loaded>> load(const LocatedPackage& package);
    Result<std::shared_ptr<Loaded>> parse(const nlohmann::json& recipe);

    BlobCache& blobs_;
    const RecipeCache& recipes_;
    std::function<bool()> cancelled_;
    std::map<Sha256, std::shared_ptr<Loaded>> loaded_;
};

}  // namespace osiekit::builder
