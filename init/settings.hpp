#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "init/network/static_config.hpp"
#include "lib/base/cmdline.hpp"
#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"
#include "lib/sandbox/service.hpp"

namespace osiekit::init {

struct ServiceSpec {
    std::string name;
    std::vector<std::string> command;                  // absolute path and arguments
    std::optional<sandbox::ServiceSandbox> sandbox{};  // none: it has all that PID 1 has
};

// /etc/osie/init.json, which the builder writes.
struct ImageConfig {
    std::string hostname = "osie";
    std::vector<std::string> modules;  // loaded whatever the hardware is
    std::vector<ServiceSpec> services;
    std::vector<std::string> ntp;               // names or addresses
    std::map<std::string, std::string> sysctl;  // "net.ipv4.ip_forward" -> "1"
    std::int64_t built = 0;                     // seconds since 1970; the clock is never before it
    unsigned network_wait_s = 20;               // services start after this long without a network
};

// Limits of that file.
constexpr std::size_t largest_image_config = 1U << 20U;  // bytes
constexpr std::size_t largest_list = 256;                // entries of any list in it
constexpr std::size_t largest_text = 4096;               // bytes of any string in it

// Errors: kind invalid_input for what is no such document, limit for too much. Unknown keys are
// ignored, so that a newer builder can add some.
Result<ImageConfig> parse_image_config(std::string_view json);

// What one boot is to do: the image's configuration and the kernel's command line.
struct Settings {
    ImageConfig image;
    std::vector<std::string> modules;                      // modules= of the command line
    std::vector<std::string> blacklist;                    // modprobe.blacklist=
    std::map<std::string, std::string> module_parameters;  // "virtio_net" -> "napi_tx=1"
    std::optional<MacAddress> hw_addr;
    std::optional<std::uint16_t> vlan_id;
    std::optional<StaticConfig> ipam;
    bool debug = false;
    std::vector<std::string> warnings;  // values that were not understood, and are left out
};
Settings make_settings(ImageConfig image, const KernelCommandLine& line);

}  // namespace osiekit::init
