#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/log.hpp"
#include "lib/base/result.hpp"

namespace osiekit::server {

// All that the operator can choose. Every flag is also a key of the YAML file (--config), spelled
// without the dashes in front; flags win over the file.
struct Settings {
    std::filesystem::path data_dir;  // holds osie-server.db and logs.db
    std::filesystem::path osie_dir;  // holds vmlinuz and initramfs
    std::string interface;
    std::string address;  // IPv4, as the machines see us
    std::filesystem::path ipxe_dir = "/usr/lib/ipxe";
    std::uint16_t dhcp_port = 67;
    std::uint16_t tftp_port = 69;
    std::uint16_t http_port = 7080;
    std::string grpc_listen = "0.0.0.0";
    std::uint16_t grpc_port = 42113;
    std::string grpc_authority;  // what machines are told; empty: address and port
    std::int64_t hold_seconds = 55;
    std::string kernel_args;
    std::string syslog_host;
    bool dhcp = true;
    bool tftp = true;
    bool netboot = true;
    LogLevel log_level = LogLevel::info;
    bool log_json = false;
};

constexpr std::int64_t max_hold_seconds = 600;

// Overwrites what the YAML text names. Errors: unknown key (with the nearest one), wrong type,
// value out of range; each with its line.
Status read_settings_yaml(std::string_view yaml, Settings& settings);

// What cannot be told from one flag alone: something needed is missing, addresses that are none.
Status check_settings(const Settings& settings);

enum class Parsed { run, done };  // done: --help or --version was printed

// Flags over the file over the defaults; the result has passed check_settings.
Result<Parsed> parse_command_line(int argc, const char* const* argv, Settings& settings);

}  // namespace osiekit::server
