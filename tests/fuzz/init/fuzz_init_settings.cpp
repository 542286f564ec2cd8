#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "init/modules/uevent.hpp"
#include "init/settings.hpp"
#include "init/system/shutdown.hpp"

using namespace osiekit;

namespace {

// A sandbox that was understood is written down as the same one, and can be planned or refused.
void check(const init::ServiceSpec& service) {
    auto again = sandbox::service_from_json(sandbox::service_to_json(*service.sandbox));
    if (!again || !(*again == *service.sandbox)) std::abort();
    auto plan = sandbox::make_plan(
        sandbox::service_spec(service.name, service.command, *service.sandbox, 1));
    if (plan && plan->spec.level != service.sandbox->level) std::abort();
}

}  // namespace

// The same bytes as each of the texts that osie-init reads.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto image = init::parse_image_config(text);
    if (image)
        for (const init::ServiceSpec& service : image->services) {
            if (service.command.empty()) std::abort();
            if (service.sandbox) check(service);
        }
    (void)init::make_settings({}, KernelCommandLine::parse(text));
    auto ipam = init::parse_ipam(text);
    if (ipam && (ipam->network.address.is_zero() || ipam->network.prefix_length > 32)) std::abort();
    (void)init::parse_uevent(text);
    (void)init::mounts_to_end(text);
    return 0;
}
