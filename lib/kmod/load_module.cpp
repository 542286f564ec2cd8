#include "lib/kmod/load_module.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/file.hpp"

namespace osiekit::kmod {
namespace {

constexpr int compressed_file = 4;  // MODULE_INIT_COMPRESSED_FILE of <linux/module.h>, since 5.17

}  // namespace

bool is_compressed_module(const std::filesystem::path& path) {
    return path.extension() != ".ko";
}

Status load_module(const std::filesystem::path& path, const std::string& parameters) {
    OSIEKIT_ASSIGN(Fd file, open_file(path, O_RDONLY));
    bool compressed = is_compressed_module(path);
    long answer = ::syscall(SYS_finit_module, file.get(), parameters.c_str(),
                            compressed ? compressed_file : 0);
    if (answer == 0 || errno == EEXIST) return {};
    int number = errno;
    std::string what = "the kernel refuses the module " + path.string();
    if (compressed && (number == EINVAL || number == EOPNOTSUPP))
        return Error(ErrorKind::unsupported, what + ": it cannot decompress modules")
            .hint("store the module uncompressed, or use a kernel with CONFIG_MODULE_DECOMPRESS");
    Error error = Error::from_errno(what, number);
    if (number == ENOEXEC)
        return std::move(error).hint("it was built for another kernel, or is damaged");
    if (number == ENOENT)
        return std::move(error).hint("it needs a symbol that no loaded module has");
    return error;
}

}  // namespace osiekit::kmod
