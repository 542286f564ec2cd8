#include "builder/kernel/kernel_reader.hpp"

#include <algorithm>
#include <set>

#include "builder/kernel/module_file.hpp"
#include "builder/package_reader.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::string_view kernel_prefix = "boot/vmlinuz-";
constexpr std::string_view config_prefix = "boot/config-";

// "usr/lib/modules/V/kernel/x.ko" → {"V", "kernel/x.ko"}; both empty if it is no such path.
struct ModulePath {
    std::string_view version;
    std::string_view rest;
};
ModulePath module_path(std::string_view path) {
    if (path.starts_with("usr/")) path.remove_prefix(4);
    constexpr std::string_view prefix = "lib/modules/";
    if (!path.starts_with(prefix)) return {};
    path.remove_prefix(prefix.size());
    std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return {};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

bool is_copyright(std::string_view path) {
    return path.starts_with("usr/share/doc/linux-") && path.ends_with("/copyright");
}

bool wanted(std::string_view path, FileType type) {
    if (type != FileType::regular) return false;
    if (path.starts_with(kernel_prefix) || path.starts_with(config_prefix)) return true;
    if (is_copyright(path)) return true;
    std::string_view rest = module_path(path).rest;
    return rest == "modules.builtin" || rest == "modules.order" ||
           (!rest.empty() && !module_name_of_path(rest).empty());
}

// "kernel/a.ko.xz" → "kernel/a.ko"
std::string plain_path(std::string_view path) {
    return std::string(path.substr(0, path.rfind(".ko") + 3));
}

class Reader {
  public:
    Reader(const std::function<Status(const KernelModule&, std::string&&)>& on_module,
           const std::function<bool()>& cancelled)
        : on_module_(on_module), cancelled_(cancelled) {}

    Status take(PackageFile&& file) {
        if (cancelled_ && cancelled_()) return Error(ErrorKind::cancelled, "interrupted");
        if (file.path.starts_with(kernel_prefix)) {
            if (!contents_.version.empty())
                return Error(ErrorKind::invalid_input, "the package holds two kernels, " +
                                                           contents_.version + " and " + file.path);
            contents_.version = file.path.substr(kernel_prefix.size());
            contents_.vmlinuz = std::move(file.content);
            contents_.built = file.mtime;
            return {};
        }
        if (file.path.starts_with(config_prefix)) {
            contents_.config = std::move(file.content);
            return {};
        }
        if (is_copyright(file.path)) {
            contents_.copyright = std::move(file.content);
            return {};
        }
        ModulePath place = module_path(file.path);
        versions_.emplace(place.version);
        if (place.rest == "modules.builtin") {
            contents_.builtin = std::move(file.content);
        } else if (place.rest == "modules.order") {
            contents_.order = std::move(file.content);
        } else {
            return take_module(place.rest, std::move(file.content)).context(file.path);
        }
        return {};
    }

    Result<KernelContents> finish(bool called_by_flavour) {
        if (contents_.version.empty()) return KernelContents{};
        if (called_by_flavour && versions_.size() == 1) contents_.version = *versions_.begin();
        for (const std::string& version : versions_)
            if (version != contents_.version)
                return Error(ErrorKind::invalid_input, "the package holds the kernel " +
                                                           contents_.version + " and modules for " +
                                                           version);
        return std::move(contents_);
    }

  private:
    Status take_module(std::string_view path, std::string&& file) {
        KernelModule module;
        module.path = plain_path(path);
        OSIEKIT_ASSIGN(std::string plain, plain_module(path, std::move(file)));
        OSIEKIT_ASSIGN(module.info, read_modinfo(plain));
        if (module.info.name.empty()) module.info.name = module_name_of_path(path);
        contents_.modules.push_back(module);
        return on_module_(module, std::move(plain));
    }

    const std::function<Status(const KernelModule&, std::string&&)>& on_module_;
    const std::function<bool()>& cancelled_;
    KernelContents contents_;
    std::set<std::string> versions_;
};

}  // namespace

Result<KernelContents> read_kernel_package(
    const LocatedPackage& package, ByteSource* bytes,
    const std::function<Status(const KernelModule&, std::string&& bytes)>& on_module,
    const std::function<bool()>& cancelled) {
    Reader reader(on_module, cancelled);
    auto take = [&](PackageFile&& file) { return reader.take(std::move(file)); };
    OSIEKIT_TRY(bytes == nullptr ? read_package(package, take, wanted)
                                 : read_deb_source(*bytes, take, wanted));
    return reader.finish(is_apk(package));
}

bool kernel_config_enabled(const std::string& config, const std::string& name) {
    auto lines = split(config, '\n');
    return std::find(lines.begin(), lines.end(), name + "=y") != lines.end();
}

std::set<std::string> firmware_suffixes(const std::string& config) {
    if (config.empty()) return {".xz", ".zst"};
    std::set<std::string> suffixes;
    // Kernels before 5.19 have one option, which means xz.
    bool divided = config.find("CONFIG_FW_LOADER_COMPRESS_XZ") != std::string::npos ||
                   config.find("CONFIG_FW_LOADER_COMPRESS_ZSTD") != std::string::npos;
    if (kernel_config_enabled(
            config, divided ? "CONFIG_FW_LOADER_COMPRESS_XZ" : "CONFIG_FW_LOADER_COMPRESS"))
        suffixes.insert(".xz");
    if (kernel_config_enabled(config, "CONFIG_FW_LOADER_COMPRESS_ZSTD")) suffixes.insert(".zst");
    return suffixes;
}

}  // namespace osiekit::builder
