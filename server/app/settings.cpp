#include "server/app/settings.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/dhcp/address.hpp"
#include "server/document/fields.hpp"

namespace osiekit::server {
namespace {

constexpr const char* footer = R"(Examples:
  # everything for one provisioning network
  osie-server --interface eth1 --address 192.0.2.1 --data /var/lib/osie-server --osie out/virtual

  # another port for HTTP, and a serial console on the machines
  osie-server --interface eth1 --address 192.0.2.1 --data data --osie out/virtual \
      --http-port 8080 --kernel-args "console=ttyS0"

  # only the workflow service, for agents that boot by other means
  osie-server --data data --no-netboot

Keys of the --config file are the flags' names without the dashes:
  interface: eth1
  address: 192.0.2.1
  kernel-args: console=ttyS0

Exit status: 0 stopped by SIGTERM or SIGINT, 1 failed, 2 wrong usage or settings.)";

std::uint16_t port(Fields& fields, std::string_view key, std::uint16_t now) {
    return static_cast<std::uint16_t>(fields.integer(key, 0, 65535, now));
}

void replace_text(Fields& fields, std::string_view key, std::string& value) {
    if (fields.has(key)) value = fields.scalar_text(key);
}

void replace_path(Fields& fields, std::string_view key, std::filesystem::path& value) {
    if (fields.has(key)) value = fields.text(key);
}

void read_log(Fields& fields, Settings& settings) {
    std::string level;
    replace_text(fields, "log-level", level);
    if (!level.empty() && !parse_log_level(level, settings.log_level))
        fields.problem("log-level", "\"" + printable(level, 20) + "\" is no level",
                       "debug, info, warning or error");
    std::string format;
    replace_text(fields, "log-format", format);
    if (format == "json" || format == "plain")
        settings.log_json = format == "json";
    else if (!format.empty())
        fields.problem("log-format", "\"" + printable(format, 20) + "\" is no format",
                       "plain or json");
}

// The value of --config, found before the flags are read as they are to win over it.
std::string config_path(int argc, const char* const* argv) {
    std::string path;
    for (int i = 1; i < argc; ++i) {
        std::string_view word = argv[i];
        if (word == "--config" && i + 1 < argc) path = argv[i + 1];
        if (word.starts_with("--config=")) path = word.substr(9);
    }
    return path;
}

void add_network_flags(CLI::App& app, Settings& settings) {
    app.add_option("--interface", settings.interface, "network interface to serve");
    app.add_option("--address", settings.address, "our IPv4 address on it");
    app.add_option("--dhcp-port", settings.dhcp_port, "UDP port of DHCP")->capture_default_str();
    app.add_option("--tftp-port", settings.tftp_port, "UDP port of TFTP")->capture_default_str();
    app.add_option("--http-port", settings.http_port, "TCP port of HTTP")->capture_default_str();
    app.add_option("--grpc-port", settings.grpc_port, "TCP port of gRPC, 0 for a free one")
        ->capture_default_str();
    app.add_option("--grpc-listen", settings.grpc_listen, "address gRPC listens on")
        ->capture_default_str();
    app.add_option("--grpc-authority", settings.grpc_authority,
                   "HOST:PORT that machines are told (default: address and gRPC port)");
    app.add_option("--syslog-host", settings.syslog_host, "address for the machines' syslog");
    app.add_flag("!--no-dhcp", settings.dhcp, "another server does DHCP");
    app.add_flag("!--no-tftp", settings.tftp, "no TFTP");
    app.add_flag("!--no-netboot", settings.netboot, "only gRPC: no DHCP, TFTP and HTTP");
}

void add_flags(CLI::App& app, Settings& settings, std::string& config, std::string& level,
               std::string& format) {
    app.set_version_flag("--version", std::string("osie-server ") + OSIEKIT_VERSION);
    app.footer(footer);
    app.add_option("--config", config, "YAML file with settings");
    app.add_option("--data", settings.data_dir, "folder of the database; made if missing");
    app.add_option("--osie", settings.osie_dir, "folder with vmlinuz, initramfs and manifest.json");
    app.add_option("--ipxe-dir", settings.ipxe_dir, "folder of the iPXE binaries")
        ->capture_default_str();
    app.add_option("--kernel-args", settings.kernel_args,
                   "added to the arguments that the image and this server give the kernel");
    app.add_option("--hold", settings.hold_seconds,
                   "seconds that an agent's question is held while there is nothing to do")
        ->check(CLI::Range(std::int64_t{0}, max_hold_seconds))
        ->capture_default_str();
    app.add_option("--log-level", level, "debug, info, warning or error")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    app.add_option("--log-format", format, "plain or json")
        ->check(CLI::IsMember({"plain", "json"}));
    add_network_flags(app, settings);
}

}  // namespace

Status read_settings_yaml(std::string_view yaml, Settings& settings) {
    OSIEKIT_ASSIGN(Document document, parse_yaml(yaml));
    Problems problems(document);
    Fields top(document.value, "", problems);
    top.only({"data", "osie", "interface", "address", "ipxe-dir", "dhcp-port", "tftp-port",
              "http-port", "grpc-listen", "grpc-port", "grpc-authority", "hold", "kernel-args",
              "syslog-host", "dhcp", "tftp", "netboot", "log-level", "log-format"});
    replace_path(top, "data", settings.data_dir);
    replace_path(top, "osie", settings.osie_dir);
    replace_path(top, "ipxe-dir", settings.ipxe_dir);
    replace_text(top, "interface", settings.interface);
    replace_text(top, "address", settings.address);
    replace_text(top, "grpc-listen", settings.grpc_listen);
    replace_text(top, "grpc-authority", settings.grpc_authority);
    replace_text(top, "kernel-args", settings.kernel_args);
    replace_text(top, "syslog-host", settings.syslog_host);
    settings.dhcp_port = port(top, "dhcp-port", settings.dhcp_port);
    settings.tftp_port = port(top, "tftp-port", settings.tftp_port);
    settings.http_port = port(top, "http-port", settings.http_port);
    settings.grpc_port = port(top, "grpc-port", settings.grpc_port);
    settings.hold_seconds = top.integer("hold", 0, max_hold_seconds, settings.hold_seconds);
    settings.dhcp = top.boolean("dhcp", settings.dhcp);
    settings.tftp = top.boolean("tftp", settings.tftp);
    settings.netboot = top.boolean("netboot", settings.netboot);
    read_log(top, settings);
    // What a workflow template may carry along unread is a mistake in a settings file.
    for (const auto& warning : problems.warnings()) problems.add("", warning);
    return problems.status();
}

Status check_settings(const Settings& settings) {
    auto missing = [](const char* flag, const char* why) {
        return Error(ErrorKind::invalid_input, std::string(flag) + " is missing: " + why);
    };
    if (settings.data_dir.empty()) return missing("--data", "the folder for the database");
    if (!settings.netboot) return {};
    const char* only_grpc = "give it, or --no-netboot for the workflow service alone";
    if (settings.interface.empty())
        return missing("--interface", "the network to serve").hint(only_grpc);
    if (settings.address.empty())
        return missing("--address", "our address in that network").hint(only_grpc);
    auto address = Ipv4::parse(settings.address);
    if (!address || address->is_zero())
        return Error(ErrorKind::invalid_input,
                     "--address \"" + printable(settings.address, 40) + "\" is no IPv4 address")
            .hint("for example 192.0.2.1");
    if (settings.osie_dir.empty())
        return missing("--osie", "the folder with vmlinuz and initramfs").hint(only_grpc);
    return {};
}

Result<Parsed> parse_command_line(int argc, const char* const* argv, Settings& settings) {
    if (std::string config = config_path(argc, argv); !config.empty()) {
        std::string attempted = "reading the settings " + config;
        auto text = read_file(config, max_document_bytes);
        if (!text) return std::move(text).error().context(attempted);
        OSIEKIT_TRY(read_settings_yaml(*text, settings).context(attempted));
    }
    CLI::App app("Boots machines over the network and hands workflow actions to their agents.");
    std::string config;
    std::string level;
    std::string format;
    add_flags(app, settings, config, level, format);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() == 0) {
            app.exit(e, std::cout, std::cerr);
            return Parsed::done;
        }
        return Error(ErrorKind::invalid_input, e.what()).hint("see: osie-server --help");
    }
    if (!level.empty()) parse_log_level(level, settings.log_level);
    if (!format.empty()) settings.log_json = format == "json";
    OSIEKIT_TRY(check_settings(settings));
    return Parsed::run;
}

}  // namespace osiekit::server
