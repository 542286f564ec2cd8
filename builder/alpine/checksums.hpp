#pragma once

#include <map>
#include <string>
#include <string_view>

#include "builder/debian/deb.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder::alpine {

std::string sha1_of(std::string_view bytes);  // 20 bytes

// The SHA-1 that a package's tar archive states of its files in the pax record
// APK-TOOLS.checksum.SHA1, which libarchive does not hand out.
class Checksums {
  public:
    // `tar` is looked through; what cannot be read as headers ends the search.
    explicit Checksums(std::string_view tar);

    // Errors: digest (the content, or the target of a symlink, has another one).
    Status check(const PackageFile& file) const;
    std::size_t size() const { return by_path_.size(); }

  private:
    std::map<std::string, std::string, std::less<>> by_path_;  // hexadecimal digits
};

}  // namespace osiekit::builder::alpine
