#include "builder/cache/record.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/digest.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {
constexpr std::size_t head = 2 * Sha256::size + 1;
}

bool is_checked(std::string_view content) {
    return content.size() >= head && content[head - 1] == '\n' &&
           Sha256::of(content.substr(head)).hex() == content.substr(0, head - 1);
}

void note_use(const fs::path& file) {
    ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
}

Result<std::string> read_checked(const fs::path& file, std::uint64_t limit) {
    OSIEKIT_ASSIGN(std::string content, read_file(file, limit));
    if (!is_checked(content)) return Error(ErrorKind::not_found, file.string() + " is damaged");
    note_use(file);
    return content.substr(head);
}

Status write_checked(const fs::path& file, std::string_view text) {
    std::error_code failure;
    fs::create_directories(file.parent_path(), failure);
    return write_file(file, Sha256::of(text).hex() + "\n" + std::string(text))
        .context("writing to the cache");
}

}  // namespace osiekit::builder
