// A manifest.json; whatever its arguments are, they are words of a line of a boot script.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/netboot/ipxe/image_arguments.hpp"
#include "server/netboot/ipxe/script.hpp"

using namespace osiekit::netboot;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto arguments = ipxe::image_arguments(text);
    if (!arguments) return 0;
    if (arguments->size() > ipxe::largest_kernel_command_line) std::abort();
    for (char c : *arguments)
        if (c < 0x20 || c > 0x7e) std::abort();
    Machine machine;
    Settings settings;
    settings.public_http_url = "http://192.0.2.1";
    settings.grpc_authority = "192.0.2.1:42113";
    auto without = ipxe::script(machine, settings);
    auto script = ipxe::script(machine, settings, *arguments);
    if (!without) std::abort();
    if (script && std::count(script->begin(), script->end(), '\n') !=
                      std::count(without->begin(), without->end(), '\n'))
        std::abort();
    return 0;
}
