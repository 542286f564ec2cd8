#include "lib/oci/unpack.hpp"

#include <clocale>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/text.hpp"
#include "lib/oci/tar_reader.hpp"

namespace osiekit::oci {
namespace {

// libarchive turns the UTF-8 names of PAX headers into the thread's character set and drops those
// that do not fit. Static programs in an empty root have no locale files; see
// archive_static_locale.c.
class Utf8Locale {
  public:
    Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
        if (locale_ != nullptr) previous_ = ::uselocale(locale_);
    }
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;
    ~Utf8Locale() {
        if (locale_ == nullptr) return;
        ::uselocale(previous_);
        ::freelocale(locale_);
    }

  private:
    locale_t locale_;
    locale_t previous_ = nullptr;
};

Status write_entries(TarReader& tar, LayerWriter& writer, std::uint64_t limit,
                     std::uint64_t& count) {
    for (;;) {
        OSIEKIT_ASSIGN(auto entry, tar.next());
        if (!entry) return {};
        if (++count > limit)
            return Error(ErrorKind::limit,
                         "the layer has more than " + std::to_string(limit) + " entries");
        OSIEKIT_ASSIGN(Fd file, writer.add(*entry));
        if (!file) continue;
        OSIEKIT_TRY(tar.copy_data(file.get()).context("unpacking " + printable(entry->name)));
        OSIEKIT_TRY(writer.close_file(*entry, std::move(file)));
    }
}

}  // namespace

Result<UnpackedLayer> unpack_tar(const ByteSource& source, int root_fd, const UnpackLimits& limits,
                                 ContentDigest::Algorithm algorithm) {
    Utf8Locale locale;
    HashedBytes bytes(source, algorithm);
    TarReader tar(bytes);
    OSIEKIT_TRY(tar.open());
    LayerWriter writer(root_fd, limits.writer);
    UnpackedLayer layer;
    OSIEKIT_TRY(write_entries(tar, writer, limits.entries, layer.entries));
    OSIEKIT_TRY(writer.finish());
    // What follows the archive's end belongs to the digest.
    while (!bytes.ended()) OSIEKIT_TRY(bytes.next());
    layer.implied = writer.implied();
    layer.tar_bytes = bytes.count();
    layer.diff_id = bytes.digest();
    return layer;
}

}  // namespace osiekit::oci
