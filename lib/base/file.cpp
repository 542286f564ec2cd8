#include "lib/base/file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace osiekit {

namespace {

// As many as mkstemp() takes.
std::string random_letters() {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::array<unsigned char, 6> random{};
    // So few bytes are always given whole (getrandom(2)).
    [[maybe_unused]] auto n = ::getrandom(random.data(), random.size(), 0);
    std::string text;
    for (unsigned char byte : random) text += letters[byte % letters.size()];
    return text;
}

}  // namespace

Result<Fd> open_file(const std::filesystem::path& path, int flags, mode_t mode) {
    Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd) return Error::from_errno("cannot open " + path.string());
    return fd;
}

Result<std::string> read_all(int fd, std::uint64_t limit) {
    std::string content;
    std::array<char, 65536> buffer;
    for (;;) {
        ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno("cannot read");
        if (n == 0) return content;
        if (content.size() + static_cast<std::size_t>(n) > limit)
            return Error(ErrorKind::limit, "larger than " + std::to_string(limit) + " bytes");
        content.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit) {
    OSIEKIT_ASSIGN(Fd fd, open_file(path, O_RDONLY));
    return read_all(fd.get(), limit).context("reading " + path.string());
}

Status write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno("cannot write");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Status write_file(const std::filesystem::path& path, std::string_view content, mode_t mode) {
    OSIEKIT_ASSIGN(PendingFile file, PendingFile::create(path, mode));
    OSIEKIT_TRY(write_all(file.fd(), content).context("writing " + path.string()));
    return file.commit();
}

Result<PendingFile> PendingFile::create(const std::filesystem::path& path, mode_t mode) {
    PendingFile file;
    file.path_ = path;
    // Not mkostemp(), which gives a mode of its own: to apply the umask after it one would have to
    // change it, for all threads. Here the kernel applies it.
    constexpr int attempts = 100;
    for (int i = 0; i < attempts; ++i) {
        std::string name = path.string() + ".partial." + random_letters();
        file.fd_ = Fd(::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
        if (file.fd_) {
            file.temporary_ = std::move(name);
            return file;
        }
        if (errno != EEXIST) break;
    }
    return Error::from_errno("cannot create a file beside " + path.string());
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

PendingFile& PendingFile::operator=(PendingFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(temporary_, other.temporary_);
    std::swap(fd_, other.fd_);
    return *this;
}

PendingFile::~PendingFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status PendingFile::commit() {
    if (::fsync(fd_.get()) != 0) return Error::from_errno("cannot flush " + temporary_.string());
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
        return Error::from_errno("cannot rename to " + path_.string());
    temporary_.clear();
    fd_.reset();
    return {};
}

}  // namespace osiekit
