#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace osiekit::builder {

// Which dependencies (Depends and Pre-Depends; never Recommends) resolve() follows.
class Dependencies {
  public:
    // Only what is named.
    static Dependencies none() { return Dependencies(false, {}); }
    // The whole closure.
    static Dependencies all() { return Dependencies(true, {}); }
    // Only dependencies whose package name starts with `prefix`, at every depth: with
    // "linux-image-" the metapackage linux-image-cloud-amd64 brings the kernel it points to and
    // not the initramfs-tools and kmod which that one depends on.
    static Dependencies pattern(std::string prefix) {
        return Dependencies(true, std::move(prefix));
    }

    bool any() const { return follow_; }
    bool follow(std::string_view name) const { return follow_ && name.starts_with(prefix_); }
    std::string key() const { return follow_ ? "follow:" + prefix_ : "none"; }

  private:
    Dependencies(bool follow, std::string prefix) : follow_(follow), prefix_(std::move(prefix)) {}
    bool follow_;
    std::string prefix_;
};

}  // namespace osiekit::builder
