#include "builder/kernel/kernel_image.hpp"

#include <algorithm>
#include <string>

#include "builder/image/frame_reader.hpp"
#include "builder/kernel/elf.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t setup_sectors_at = 0x1f1;
constexpr std::size_t boot_flag_at = 0x1fe;
constexpr std::size_t magic_at = 0x202;
constexpr std::size_t version_at = 0x206;
constexpr std::size_t payload_offset_at = 0x248;
constexpr std::size_t payload_length_at = 0x24c;
constexpr std::size_t header_end = 0x250;
constexpr std::size_t sector = 512;
constexpr std::uint64_t boot_flag = 0xaa55;
constexpr std::uint64_t first_version_with_payload = 0x0208;
constexpr std::size_t appended_size = 4;
constexpr std::size_t default_setup_sectors = 4;  // what 0 means

// For a text in pieces of something large; it may lie across two of them.
class Search {
  public:
    explicit Search(std::string wanted) : wanted_(std::move(wanted)) {}

    void look(std::string_view piece) {
        if (found_) return;
        std::size_t rest = wanted_.size() - 1;
        seam_ += piece.substr(0, rest);
        found_ = seam_.find(wanted_) != std::string::npos ||
                 piece.find(wanted_) != std::string_view::npos;
        if (piece.size() >= rest)
            seam_ = piece.substr(piece.size() - rest);
        else
            seam_.erase(0, seam_.size() - std::min(rest, seam_.size()));
    }
    bool found() const { return found_; }

  private:
    std::string wanted_;
    std::string seam_;  // the end of the pieces before
    bool found_ = false;
};

bool is_bzimage(std::string_view vmlinuz) {
    return vmlinuz.size() >= header_end && elf_number(vmlinuz, boot_flag_at, 2) == boot_flag &&
           vmlinuz.substr(magic_at, 4) == "HdrS";
}

}  // namespace

Result<std::string_view> bzimage_payload(std::string_view vmlinuz) {
    if (!is_bzimage(vmlinuz)) return Error(ErrorKind::invalid_input, "not a bzImage");
    if (elf_number(vmlinuz, version_at, 2) < first_version_with_payload)
        return Error(ErrorKind::invalid_input, "a bzImage that does not say where its kernel is");
    std::size_t sectors = elf_number(vmlinuz, setup_sectors_at, 1);
    if (sectors == 0) sectors = default_setup_sectors;
    std::uint64_t start = (sectors + 1) * sector + elf_number(vmlinuz, payload_offset_at, 4);
    std::uint64_t length = elf_number(vmlinuz, payload_length_at, 4);
    if (start > vmlinuz.size() || length > vmlinuz.size() - start)
        return Error(ErrorKind::invalid_input, "the kernel in the bzImage lies outside of it");
    return vmlinuz.substr(start, length);
}

bool kernel_reads_argument(std::string_view vmlinuz, std::string_view argument) {
    std::string wanted(argument);
    wanted += '\0';
    std::string_view bytes = vmlinuz;
    if (is_bzimage(vmlinuz)) {
        auto payload = bzimage_payload(vmlinuz);
        if (!payload) return false;
        bytes = *payload;
        // The kernel's build puts the unpacked size behind the data; lz4 would take it for a block.
        if (recognise_frame(bytes) == CompressionMethod::lz4)
            bytes.remove_suffix(std::min<std::size_t>(bytes.size(), appended_size));
    }
    Search search(std::move(wanted));
    if (!recognise_frame(bytes)) {
        search.look(bytes);
        return search.found();
    }
    auto frame = stream_frame(bytes, largest_kernel, [&](std::string_view piece) {
        search.look(piece);
        return Status();
    });
    return frame && search.found();
}

}  // namespace osiekit::builder
