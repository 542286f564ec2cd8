#pragma once

#include <filesystem>
#include <string>

#include "builder/profile/profile.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The folder that a build writes its files into, locked while this object lives: flock(2), shared,
// as several builds may write into one folder. If no other one is at work there, what killed builds
// have left of these files (NAME.partial.XXXXXX) is removed first. Where a folder cannot be locked,
// as on some network file systems, nothing is removed.
class OutputFolder {
  public:
    // Makes the folder if it is missing. Errors: io.
    static Result<OutputFolder> open(const std::filesystem::path& folder,
                                     const OutputSpec& outputs);

  private:
    explicit OutputFolder(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

}  // namespace osiekit::builder
