#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "init/modules/uevent.hpp"
#include "init/settings.hpp"
#include "init/system/shutdown.hpp"

using namespace osiekit;

// The same bytes as each of the texts that osie-init reads.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto image = init::parse_image_config(text);
    if (image)
        for (const init::ServiceSpec& service : image->services)
            if (service.command.empty()) std::abort();
    (void)init::make_settings({}, KernelCommandLine::parse(text));
    auto ipam = init::parse_ipam(text);
    if (ipam && (ipam->network.address.is_zero() || ipam->network.prefix_length > 32)) std::abort();
    (void)init::parse_uevent(text);
    (void)init::mounts_to_end(text);
    return 0;
}
