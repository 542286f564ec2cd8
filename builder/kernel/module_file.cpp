#include "builder/kernel/module_file.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <memory>

namespace osiekit::builder {

Result<std::string> plain_module(std::string_view path, std::string&& file, std::size_t limit) {
    if (file.size() > limit)
        return Error(ErrorKind::limit, "a module of more than " + std::to_string(limit) + " bytes");
    if (path.ends_with(".ko")) return std::move(file);
    std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
    if (!reader) return Error(ErrorKind::internal, "no memory for libarchive");
    archive_read_support_filter_xz(reader.get());
    archive_read_support_filter_zstd(reader.get());
    archive_read_support_filter_gzip(reader.get());
    archive_read_support_format_raw(reader.get());
    auto failed = [&] {
        const char* text = archive_error_string(reader.get());
        return Error(ErrorKind::invalid_input,
                     std::string("cannot unpack the module: ") + (text ? text : "broken"));
    };
    if (archive_read_open_memory(reader.get(), file.data(), file.size()) != ARCHIVE_OK)
        return failed();
    archive_entry* entry = nullptr;
    if (archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) return failed();
    std::string plain;
    std::array<char, 65536> buffer;
    for (;;) {
        la_ssize_t n = archive_read_data(reader.get(), buffer.data(), buffer.size());
        if (n < 0) return failed();
        if (n == 0) return plain;
        if (plain.size() + static_cast<std::size_t>(n) > limit)
            return Error(ErrorKind::limit,
                         "a module that unpacks to more than " + std::to_string(limit) + " bytes");
        plain.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

}  // namespace osiekit::builder
