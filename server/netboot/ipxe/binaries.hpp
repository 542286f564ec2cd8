#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::netboot::ipxe {

constexpr std::uint64_t largest_binary = 16ULL << 20;
constexpr std::size_t largest_binary_count = 64;

// The network boot programs of a folder (*.kpxe, *.kkpxe, *.pxe, *.efi, *.lkrn), read once and kept
// in memory: TFTP serves them with no disk in the way.
class Binaries {
  public:
    // A missing folder is an error, a folder without any such file too; links are followed.
    static Result<Binaries> load(const std::filesystem::path& folder);

    // Null when there is no such file.
    std::shared_ptr<const std::string> find(std::string_view name) const;
    std::vector<std::string> names() const;

    // The program for a client architecture (option 93, RFC 4578 and IANA's registry): the first
    // that the folder has, or empty. Value 9 is served as 7, which RFC 4578 had swapped.
    std::string for_architecture(std::uint16_t architecture) const;

  private:
    std::map<std::string, std::shared_ptr<const std::string>, std::less<>> files_;
};

}  // namespace osiekit::netboot::ipxe
