#include "lib/base/text.hpp"
#include "lib/sandbox/sandbox.hpp"

namespace osiekit::sandbox {

std::string_view to_string(Level level) {
    switch (level) {
        case Level::restricted:
            return "restricted";
        case Level::disk:
            return "disk";
        case Level::host:
            return "host";
    }
    return "?";
}

Result<Level> parse_level(std::string_view text) {
    for (Level level : {Level::restricted, Level::disk, Level::host})
        if (text == to_string(level)) return level;
    return Error(ErrorKind::invalid_input, "no sandbox level is called '" + printable(text) + "'")
        .hint("the levels are restricted, disk and host");
}

}  // namespace osiekit::sandbox
