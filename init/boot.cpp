#include "init/boot.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <system_error>
#include <thread>

#include "init/modules/alias.hpp"
#include "init/modules/coldplug.hpp"
#include "init/modules/uevent.hpp"
#include "init/system/clock.hpp"
#include "init/system/mounts.hpp"
#include "init/system/sysctl.hpp"
#include "lib/base/file.hpp"
#include "lib/kmod/load_module.hpp"

namespace osiekit::init {
namespace {

constexpr const char* image_config_path = "/etc/osie/init.json";
constexpr const char* complete_path = "/etc/osie/complete";
// The agent gives its action 5 s to end, and then the server 5 s and a remote log 1 s to take what
// the action has printed (docs/agent.md).
constexpr Milliseconds stop_limit = std::chrono::seconds(12);
constexpr unsigned most_loader_threads = 4;
constexpr int lowest_priority = 19;

std::string modules_folder() {
    utsname names{};
    ::uname(&names);
    return "/lib/modules/" + std::string(names.release);
}

std::string address_text(const NetworkConfig& config) {
    std::string text = config.address.to_string() + "/" + std::to_string(config.prefix_length);
    for (const dhcp::Route& route : config.routes)
        if (route.prefix_length == 0) text += ", gateway " + route.gateway.to_string();
    for (const Ipv4& server : config.nameservers) text += ", DNS " + server.to_string();
    return text;
}

void set_hostname(const std::string& name, const BootLog& log) {
    if (::sethostname(name.data(), name.size()) != 0)
        log.warning(Error::from_errno("setting the host name " + name).to_string());
}

// The agent that every image is for, should its configuration be unreadable.
ImageConfig fallback_config() {
    ImageConfig config;
    config.services.push_back({"tink-worker", {"/usr/bin/tink-worker"}});
    return config;
}

// The kernel calls this program (main.cpp) to load what a mount(2) or a socket(2) needs.
Status answer_module_requests() {
    OSIEKIT_ASSIGN(Fd file, open_file("/proc/sys/kernel/modprobe", O_WRONLY));
    return write_all(file.get(), "/init\n");
}

}  // namespace

Result<std::string> run_steps(const std::vector<Step>& steps, const BootLog& log) {
    std::string summary;
    for (const Step& step : steps) {
        Milliseconds before = uptime();
        Status status = step.run();
        Milliseconds took = uptime() - before;
        if (!summary.empty()) summary += ", ";
        summary += std::string(step.name) + " " + std::to_string(took.count()) + " ms";
        if (status) continue;
        Error error = std::move(status).error().context(step.name);
        if (step.required) return error;
        log.warning(error.to_string());
    }
    return summary;
}

Status Boot::set_up_file_systems() {
    // Before all else, since mounts made earlier would stay below the new root.
    Status parent = give_root_a_parent();
    KernelMountCalls calls;
    OSIEKIT_TRY(mount_all(mount_table(), calls, log_));
    Status console = open_console();
    log_.open_kernel_log();
    ::umask(022);
    if (!parent) log_.warning("pivot_root will not work: " + parent.error().to_string());
    if (!console) log_.warning(console.error().to_string());
    if (Status status = enable_cgroup_controllers("/sys/fs/cgroup"); !status)
        log_.warning(status.error().to_string());
    return {};
}

Status Boot::check_image() {
    if (::access(complete_path, F_OK) == 0) return {};
    return Error(ErrorKind::invalid_input, "the image is not complete: its last file, " +
                                               std::string(complete_path) + ", is missing")
        .hint("the machine has too little RAM for this image, or the download was cut short");
}

Status Boot::read_settings() {
    OSIEKIT_ASSIGN(std::string text, read_file("/proc/cmdline"));
    Result<std::string> json = read_file(image_config_path, largest_image_config);
    Result<ImageConfig> image =
        json ? parse_image_config(*json) : Result<ImageConfig>(std::move(json).error());
    if (!image)
        log_.error("using built-in settings: " + std::string(image_config_path) + ": " +
                   image.error().to_string());
    settings_ = make_settings(image ? std::move(*image) : fallback_config(),
                              KernelCommandLine::parse(text));
    log_.set_debug(settings_.debug);
    for (const std::string& warning : settings_.warnings) log_.warning(warning);
    set_hostname(settings_.image.hostname, log_);
    return apply_clock_floor(settings_.image.built, log_);
}

Status Boot::apply_kernel_settings() {
    for (const std::string& failure : apply_sysctl(settings_.image.sysctl, "/proc/sys"))
        log_.warning(failure);
    return {};
}

// Whoever asks for random numbers first has to wait until the kernel has gathered entropy: on
// machines without a source of their own about a second, and the kernel gathers only while somebody
// waits. So somebody does, in the time that nobody else wants, once the driver of a source would
// have been loaded.
Status Boot::gather_entropy() {
    try {
        std::thread([] {
            ::setpriority(PRIO_PROCESS, 0, lowest_priority);
            char byte = 0;
            [[maybe_unused]] ssize_t n = ::getrandom(&byte, sizeof byte, 0);
        }).detach();
    } catch (const std::system_error& failure) {
        return Error(ErrorKind::io, failure.what());
    }
    return {};
}

Status Boot::watch_signals() {
    OSIEKIT_TRY(loop_.open());
    sigset_t set;
    ::sigemptyset(&set);
    for (int number : {SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGPIPE, SIGRTMIN + 6})
        ::sigaddset(&set, number);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return Error::from_errno("watching for signals");
    // Ctrl-Alt-Del becomes SIGINT.
    ::reboot(RB_DISABLE_CAD);
    supervisor_ = std::make_unique<Supervisor>(loop_, log_);
    return loop_.watch(signals_.get(), [this] { on_signals(); });
}

Status Boot::start_modules() {
    // The socket before the walk, so that no device is missed.
    OSIEKIT_ASSIGN(uevents_, open_uevent_socket());
    std::string folder = modules_folder();
    ModuleLoader::Options options;
    options.index = [folder] { return kmod::ModuleIndex::load(folder); };
    options.load = [folder](const std::string& path, const std::string& parameters) {
        return kmod::load_module(folder + "/" + path, parameters);
    };
    options.walk_buses = [](const OnAlias& on_alias) { walk_buses("/sys", on_alias); };
    options.walk_all = [](const OnAlias& on_alias) { walk_all_devices("/sys", on_alias); };
    Status held = bind_order_.hold();
    if (held) {
        options.bind_first = [this] { bind_order_.bind_first(); };
        options.bind_rest = [this] {
            if (Status status = bind_order_.release(); !status)
                log_.warning(status.error().to_string());
        };
    } else {
        log_.debug(held.error().to_string());
    }
    options.blacklist = settings_.blacklist;
    options.parameters = settings_.module_parameters;
    options.threads = std::clamp(std::thread::hardware_concurrency(), 1U, most_loader_threads);
    modules_ = std::make_unique<ModuleLoader>(log_, std::move(options));
    if (Status status = modules_->start(); !status) {
        if (held) OSIEKIT_TRY(bind_order_.release());
        return status;
    }
    for (const std::string& name : settings_.modules) modules_->request_name(name);
    for (const std::string& name : settings_.image.modules) modules_->request_name(name);
    // Where these are modules, nothing asks for them before it is too late.
    modules_->request_alias("af_packet");
    if (settings_.vlan_id || (settings_.ipam && settings_.ipam->vlan_id))
        modules_->request_alias("8021q");
    if (booted_by_efi()) modules_->request_alias("efivarfs");
    if (Status status = answer_module_requests(); !status) log_.warning(status.error().to_string());
    OSIEKIT_TRY(loop_.watch(uevents_.get(), [this] { on_uevents(); }));
    return loop_.watch(modules_->idle_fd(), [this] { on_modules_idle(); });
}

Status Boot::start_network() {
    network_ = std::make_unique<Network>(loop_, log_, settings_,
                                         [this](const Network::Up& up) { on_network(up); });
    loop_.after(std::chrono::seconds(settings_.image.network_wait_s), [this] {
        if (services_started_) return;
        log_.warning("starting the services without a network; it is still being tried");
        start_services();
    });
    return network_->start();
}

std::vector<Step> Boot::steps() {
    return {
        {"file systems", true, [this] { return set_up_file_systems(); }},
        {"image", true, [this] { return check_image(); }},
        {"settings", false, [this] { return read_settings(); }},
        {"kernel settings", false, [this] { return apply_kernel_settings(); }},
        {"signals", true, [this] { return watch_signals(); }},
        {"modules", false, [this] { return start_modules(); }},
        {"network", false, [this] { return start_network(); }},
    };
}

Error Boot::run() {
    started_ = uptime();
    Result<std::string> summary = run_steps(steps(), log_);
    if (!summary) return std::move(summary).error();
    log_.info("version " OSIEKIT_VERSION ", began at " + seconds_text(started_.count()) + " (" +
              *summary + ")");
    loop_.run();
    return {ErrorKind::internal, "the main loop ended"};
}

void Boot::on_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        auto number = static_cast<int>(info.ssi_signo);
        if (number == SIGCHLD) supervisor_->reap();
        if (std::optional<Goal> goal = goal_of_signal(number)) begin_shutdown(*goal);
    }
}

void Boot::on_uevents() {
    bool lost = drain_uevents(uevents_.get(), [this](const Uevent& event) {
        if (event.action == "add" && !event.modalias.empty())
            modules_->request_alias(event.modalias);
    });
    if (lost)
        walk_buses("/sys",
                   [this](std::string alias) { modules_->request_alias(std::move(alias)); });
}

void Boot::on_modules_idle() {
    // The devices of a driver just loaded have been announced by now; they are part of the work.
    on_uevents();
    if (!modules_->read_idle() || modules_ready_ != Milliseconds(0)) return;
    modules_ready_ = uptime();
    log_.debug(std::to_string(modules_->loaded()) + " modules loaded");
    if (Status status = gather_entropy(); !status)
        log_.warning("gathering entropy: " + status.error().to_string());
    for (const std::string& card : network_cards(modules_->unmatched()))
        log_.warning("this image has no driver for the network card " + card);
    if (booted_by_efi())
        if (Status status = mount_efi_variables(); !status) log_.debug(status.error().to_string());
}

void Boot::on_network(const Network::Up& up) {
    bool first = !network_up_;
    network_up_ = up;
    Result<std::string> hostname = write_network_files("", up.config, settings_.image.hostname);
    if (!hostname)
        log_.error(hostname.error().to_string());
    else
        set_hostname(*hostname, log_);
    if (first) network_ready_ = uptime();
    log_.info("network up in " + seconds_text((uptime() - started_).count()) + ": " + up.interface +
              " " + address_text(up.config) + " (DHCP took " + seconds_text(up.waited.count()) +
              ")");
    if (!clock_asked_) {
        std::vector<std::string> servers;
        for (const Ipv4& server : up.config.ntp) servers.push_back(server.to_string());
        if (settings_.ipam)
            servers.insert(servers.end(), settings_.ipam->ntp_names.begin(),
                           settings_.ipam->ntp_names.end());
        servers.insert(servers.end(), settings_.image.ntp.begin(), settings_.image.ntp.end());
        clock_asked_ = true;
        if (!servers.empty()) set_clock_in_background(std::move(servers), log_);
    }
    start_services();
}

void Boot::start_services() {
    if (services_started_ || ending_) return;
    services_started_ = true;
    std::string names;
    for (const ServiceSpec& service : settings_.image.services)
        names += (names.empty() ? "" : ", ") + service.name;
    Milliseconds now = uptime();
    Milliseconds dhcp = network_up_ ? network_up_->waited : Milliseconds(0);
    auto since_start = [this](Milliseconds moment) {
        return moment == Milliseconds(0) ? std::string("not yet")
                                         : seconds_text((moment - started_).count());
    };
    if (names.empty()) names = "no service";
    log_.info("handing over to " + names + " at " + seconds_text(now.count()) + ", " +
              seconds_text((now - started_).count()) + " after the start (modules " +
              since_start(modules_ready_) + ", network " + since_start(network_ready_) +
              ", of which DHCP " + seconds_text(dhcp.count()) + ")");
    supervisor_->start(settings_.image.services);
}

void Boot::begin_shutdown(Goal goal) {
    if (ending_) return;
    if (goal == Goal::kexec) {
        Result<std::string> loaded = read_file("/sys/kernel/kexec_loaded");
        if (!loaded || !kernel_is_loaded(*loaded)) {
            log_.error(
                "the loaded kernel is to be started, but none is loaded; restarting instead");
            goal = Goal::reboot;
        }
    }
    ending_ = goal;
    log_.info(std::string(to_string(goal)) + " asked for; stopping the services");
    loop_.after(stop_limit, [this, goal] {
        log_.warning("services still run after " + seconds_text(stop_limit.count()) +
                     "; they are killed");
        end_machine(goal, log_);
    });
    supervisor_->stop([this, goal] { end_machine(goal, log_); });
}

}  // namespace osiekit::init
