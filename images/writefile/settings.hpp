#pragma once

#include <sys/types.h>

#include <string>

#include "images/common/environment.hpp"

namespace osiekit::images::writefile {

struct FileSpec {
    std::string path;  // absolute, inside the file system
    std::string contents;
    uid_t uid = 0;
    gid_t gid = 0;
    unsigned mode = 0;
    unsigned directory_mode = 0;  // of parent directories that have to be made
};

struct Settings {
    std::string disk;
    std::string type;  // of the file system
    FileSpec file;
};

Result<Settings> read_settings(const Environment& environment);

}  // namespace osiekit::images::writefile
