// An image.yaml that somebody hands to "osiekit action build".
#include <cstdint>

#include "builder/action/image_definition.hpp"
#include "builder/action/program_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    auto definition = osiekit::action::parse_image_definition(input, "image.yaml");
    if (definition &&
        (definition->name.empty() || definition->program.empty() ||
         definition->program.find('/') != std::string::npos || definition->entrypoint.empty()))
        __builtin_trap();
    static_cast<void>(osiekit::action::static_program_architecture(input).ok());
    return 0;
}
