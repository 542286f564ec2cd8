#include "builder/commands/own_folder.hpp"

namespace osiekit::builder {

Result<std::filesystem::path> own_folder() {
    std::error_code error;
    std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error)
        return Error(ErrorKind::io, "cannot find the folder of osiekit: " + error.message())
            .hint("name the folder of the programs with --programs");
    return self.parent_path();
}

}  // namespace osiekit::builder
