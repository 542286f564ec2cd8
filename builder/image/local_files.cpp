#include "builder/image/local_files.hpp"

#include "builder/image/cpio_writer.hpp"
#include "builder/image/source_tree.hpp"

namespace osiekit::builder {

namespace {

// What was found is kept under a key; asking for it again costs nothing.
template <typename Key, typename Value, typename Make>
Result<Value> once(std::mutex& mutex, std::map<Key, Value>& known, const Key& key, Make make) {
    std::lock_guard lock(mutex);
    auto found = known.find(key);
    if (found != known.end()) return found->second;
    Result<Value> made = make();
    if (made) known.emplace(key, *made);
    return made;
}

std::string key_of(const TreeSpec& spec) {
    std::string owner =
        spec.owner ? std::to_string(spec.owner->first) + ":" + std::to_string(spec.owner->second)
                   : "";
    return spec.source.string() + "\n" + spec.path + "\n" + owner + "\n" + spec.where;
}

}  // namespace

Result<FileContent> LocalFiles::file(const std::filesystem::path& path) const {
    return once(mutex_, files_, path, [&] { return FileContent::file(path); });
}

Result<LocalTree> LocalFiles::tree(const TreeSpec& spec) const {
    return once(mutex_, trees_, key_of(spec), [&]() -> Result<LocalTree> {
        LocalTree local;
        OSIEKIT_ASSIGN(local.tree, source_tree(spec, local.warnings));
        return local;
    });
}

Result<Sha256> LocalFiles::tree_digest(const TreeSpec& spec) const {
    OSIEKIT_ASSIGN(LocalTree local, tree(spec));
    return once(mutex_, digests_, key_of(spec), [&]() -> Result<Sha256> {
        Sha256Stream stream;
        OSIEKIT_TRY(write_cpio(local.tree.entries(), 0, "", [&](std::string_view piece) {
            stream.update(piece);
            return Status();
        }));
        return stream.finish();
    });
}

Result<std::vector<HostLibrary>> LocalFiles::libraries(const Profile& profile) const {
    std::lock_guard lock(mutex_);
    if (!libraries_) {
        OSIEKIT_ASSIGN(libraries_, host_libraries(profile));
    }
    return *libraries_;
}

}  // namespace osiekit::builder
