#include "builder/report/verify_lock.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "builder/lock/lock_diff.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Digests = std::map<std::string, Sha256>;

std::vector<LockedDigest> listed(const Digests& digests) {
    std::vector<LockedDigest> list;
    for (const auto& [name, digest] : digests) list.push_back({name, digest});
    return list;
}

class LockVerifier {
  public:
    LockVerifier(const KnownImage& image, const Lock& lock, std::string name)
        : image_(image), manifest_(image.manifest), lock_(lock), name_(std::move(name)) {
        for (const LockedDigest& file : lock.inputs.files) files_[file.name] = file.digest;
        for (const LockedDigest& program : lock.inputs.programs)
            programs_[program.name] = program.digest;
    }

    std::vector<Finding> run() {
        check_inputs();
        check_packages();
        check_content();
        return std::move(findings_);
    }

  private:
    void add(const std::string& file, std::string what) {
        findings_.push_back({file, std::nullopt, "", std::move(what)});
    }

    void check_inputs() {
        if (!manifest_.inputs) {
            add("manifest.json", "it does not say which local files the image was built from");
            return;
        }
        LockInputs now = lock_.inputs;  // with what a manifest does not say
        now.profile = manifest_.name;
        now.architecture = manifest_.architecture;
        now.builder = manifest_.version;
        now.mtime = static_cast<std::uint32_t>(manifest_.mtime);
        now.variables = listed(manifest_.variables);
        now.keys = listed(manifest_.inputs->keys);
        now.files = listed(manifest_.inputs->files);
        now.programs = listed(manifest_.inputs->programs);
        for (const LockChange& change : diff_inputs(lock_.inputs, now)) {
            std::string what = change.kind + " " + printable(change.name);
            if (change.kind == "setting")
                add("manifest.json", change.name + " is " + printable(change.after) +
                                         ", and in the lock " + printable(change.before));
            else if (change.before.empty())
                add("manifest.json", "the " + what + " is not in the lock");
            else if (change.after.empty())
                add(name_, "the image was built without the " + what);
            else
                add("manifest.json", "the " + what + " is another one than in the lock");
        }
    }

    void check_packages() {
        std::map<std::string, const LockedPackage*> wanted;
        for (const LockedPackage& package : lock_.packages)
            wanted[package.system + " " + package.name + " " + package.version + " " +
                   package.architecture] = &package;
        for (const ManifestPackage& package : manifest_.packages) {
            std::string what = "the package " + printable(package.name + " " + package.version);
            if (package.system == "file") {
                bool known = std::any_of(files_.begin(), files_.end(), [&](const auto& file) {
                    return file.second == package.digest;
                });
                if (!known) add("manifest.json", what + ", taken from a file, is not in the lock");
                continue;
            }
            auto found = wanted.find(package.system + " " + package.name + " " + package.version +
                                     " " + package.architecture);
            if (found == wanted.end()) {
                add("manifest.json", what + " is not in the lock");
                continue;
            }
            if (found->second->digest != package.digest || found->second->size != package.size)
                add("manifest.json", what + " has other bytes than the one of the lock");
            wanted.erase(found);
        }
        for (const auto& [key, package] : wanted)
            add(name_, "the package " + printable(package->name + " " + package->version) +
                           " is not in the image");
    }

    void check_content() {
        std::set<std::string, std::less<>> packages;
        for (const ManifestPackage& package : manifest_.packages)
            packages.insert(package.reference());
        std::set<std::string> seen;
        for (const ImageFile& file : image_.files) {
            const FileSource& source = file.source;
            if (source.kind == FileSource::Kind::package && packages.count(source.name) == 0)
                add(image_.outputs.initramfs, "/" + printable(file.path) + " is of the package " +
                                                  printable(source.name) +
                                                  ", which the manifest does not name");
            if (source.kind == FileSource::Kind::program) {
                seen.insert(source.name);
                auto known = programs_.find(source.name);
                if (known == programs_.end() || known->second != file.digest)
                    add(image_.outputs.initramfs, "/" + printable(file.path) +
                                                      " is not the program " +
                                                      printable(source.name) + " of the lock");
            }
            check_copy(file);
        }
        for (const auto& [name, digest] : programs_)
            if (seen.count(name) == 0)
                add(name_, "the program " + printable(name) + " is not in the image");
        if (!manifest_.inputs) return;
        for (const auto& [path, name] : manifest_.inputs->copies)
            if (copies_seen_.count(path) == 0)
                add(name_, "/" + printable(path) + ", a copy of " + printable(name) +
                               ", is not in the image");
    }

    void check_copy(const ImageFile& file) {
        if (!manifest_.inputs) return;
        auto copy = manifest_.inputs->copies.find(file.path);
        if (copy == manifest_.inputs->copies.end()) return;
        copies_seen_.insert(file.path);
        auto known = files_.find(copy->second);
        if (known != files_.end() && known->second != file.digest)
            add(image_.outputs.initramfs, "/" + printable(file.path) + " is not the file " +
                                              printable(copy->second) + " of the lock");
    }

    const KnownImage& image_;
    const Manifest& manifest_;
    const Lock& lock_;
    std::string name_;
    Digests files_;
    Digests programs_;
    std::set<std::string> copies_seen_;
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> verify_lock(const KnownImage& image, const Lock& lock,
                                 const std::string& name) {
    return LockVerifier(image, lock, name).run();
}

}  // namespace osiekit::builder
