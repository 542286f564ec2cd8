#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/settings.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/log.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/image_store.hpp"

namespace osiekit::agent {

// The right to work in an image store, between processes (flock). Exclusive while layers come or
// go, shared while a program uses them.
class StoreLock {
  public:
    enum class Kind { shared, exclusive };
    // Waits for others; `on_wait` is called once if there are any.
    static Result<StoreLock> take(const std::filesystem::path& store, Kind kind,
                                  const std::function<void()>& on_wait = {});
    // From exclusive to shared. Another process may come in between.
    Status share();

  private:
    explicit StoreLock(Fd file) : file_(std::move(file)) {}
    Fd file_;
};

// What the store remembers of a pulled image, for people who ask what is there.
struct ImageRecord {
    std::string reference;
    std::string digest;                 // of the manifest: sha256:…
    std::string platform;               // linux/amd64
    std::vector<std::string> diff_ids;  // of the layers, lowest first: hex
};

std::string encode(const ImageRecord& record);
Result<ImageRecord> decode_image_record(std::string_view text);
// By name; damaged ones are left out.
std::vector<ImageRecord> image_records(const std::filesystem::path& store);

struct PullParts {
    std::function<bool()> cancelled;
    std::function<void(std::chrono::milliseconds)> sleep;  // empty: the real one
    oci::Admit admit;  // asked before any layer is fetched; empty: every image is welcome
};

// Pulls what is missing of an image into the store with the settings' registries and credentials,
// and remembers it. The caller holds the store exclusively.
Result<oci::StoredImage> pull_image(oci::ImageStore& store, const Settings& settings,
                                    const std::string& image, const PullParts& parts,
                                    const Logger& log);

}  // namespace osiekit::agent
