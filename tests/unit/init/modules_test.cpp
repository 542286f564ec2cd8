#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>

#include "init/modules/alias.hpp"
#include "init/modules/bind_order.hpp"
#include "init/modules/coldplug.hpp"
#include "init/modules/module_loader.hpp"
#include "init/modules/uevent.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::init;

namespace {

// Notes what is loaded, in place of the kernel.
struct Kernel {
    std::mutex mutex;
    std::vector<std::string> loaded;  // "path parameters"
    std::set<std::string> refused;

    Status load(const std::string& path, const std::string& parameters) {
        std::lock_guard lock(mutex);
        loaded.push_back(path + " " + parameters);
        if (refused.count(path) != 0)
            return Error(ErrorKind::io, "the kernel refuses the module " + path);
        return {};
    }
    std::ptrdiff_t position(const std::string& line) {
        std::lock_guard lock(mutex);
        return std::find(loaded.begin(), loaded.end(), line) - loaded.begin();
    }
    std::ptrdiff_t count(const std::string& line) {
        std::lock_guard lock(mutex);
        return std::count(loaded.begin(), loaded.end(), line);
    }
};

ModuleLoader::Options options(Kernel& kernel, const std::vector<std::string>& aliases) {
    ModuleLoader::Options result;
    result.index = [] {
        kmod::IndexTexts texts;
        texts.dep =
            "virtio_net.ko: net_failover.ko failover.ko\nnet_failover.ko: failover.ko\n"
            "failover.ko:\nvirtio_pci.ko:\nnouveau.ko:\next4.ko: jbd2.ko\njbd2.ko:\n";
        texts.alias =
            "alias virtio:d00000001v* virtio_net\nalias pci:v00001AF4d*sv* virtio_pci\n"
            "alias pci:v000010DEd* nouveau\n";
        return kmod::ModuleIndex::parse(std::move(texts));
    };
    result.load = [&kernel](const std::string& path, const std::string& parameters) {
        return kernel.load(path, parameters);
    };
    result.walk_buses = [aliases](const OnAlias& on_alias) {
        for (const std::string& alias : aliases) on_alias(alias);
    };
    result.threads = 4;
    return result;
}

void wait_until_idle(ModuleLoader& loader) {
    do {
        pollfd waiting{loader.idle_fd(), POLLIN, 0};
        REQUIRE(::poll(&waiting, 1, -1) == 1);
    } while (!loader.read_idle());
}

}  // namespace

TEST_CASE("Devices get their drivers, dependencies first, each once") {
    Kernel kernel;
    BootLog log;
    ModuleLoader loader(
        log, options(kernel, {"virtio:d00000001v1", "pci:v00001AF4d1sv1", "virtio:d00000001v1",
                              "virtio:d00000001v2", "acpi:PNP0303:"}));
    REQUIRE(loader.start());
    wait_until_idle(loader);
    CHECK(kernel.count("virtio_net.ko ") == 1);
    CHECK(kernel.count("virtio_pci.ko ") == 1);
    CHECK(kernel.count("failover.ko ") == 1);
    CHECK(kernel.position("failover.ko ") < kernel.position("net_failover.ko "));
    CHECK(kernel.position("net_failover.ko ") < kernel.position("virtio_net.ko "));
    CHECK(loader.loaded() == 4);
    CHECK(loader.unmatched() == std::vector<std::string>{"acpi:PNP0303:"});
}

TEST_CASE("Devices that appear later get their drivers too") {
    Kernel kernel;
    BootLog log;
    ModuleLoader loader(log, options(kernel, {}));
    REQUIRE(loader.start());
    wait_until_idle(loader);
    CHECK(loader.loaded() == 0);
    loader.request_alias("pci:v00001AF4d1sv1");
    wait_until_idle(loader);
    CHECK(kernel.count("virtio_pci.ko ") == 1);
}

TEST_CASE("Parameters are passed, the blacklist keeps drivers out, names are loaded anyway") {
    Kernel kernel;
    BootLog log;
    ModuleLoader::Options setup = options(kernel, {"pci:v000010DEd1", "virtio:d00000001v1"});
    setup.parameters["virtio_net"] = "napi_tx=1";
    setup.blacklist = {"nouveau"};
    std::atomic<bool> walked = false;
    setup.walk_all = [&walked](const OnAlias&) { walked = true; };
    {
        ModuleLoader loader(log, std::move(setup));
        REQUIRE(loader.start());
        loader.request_name("ext4");
        wait_until_idle(loader);
        while (kernel.count("ext4.ko ") == 0 || !walked) std::this_thread::yield();
    }
    CHECK(kernel.count("nouveau.ko ") == 0);
    CHECK(kernel.count("virtio_net.ko napi_tx=1") == 1);
    CHECK(kernel.position("jbd2.ko ") < kernel.position("ext4.ko "));
}

TEST_CASE("A driver that the kernel refuses does not keep others waiting") {
    Kernel kernel;
    kernel.refused = {"failover.ko"};
    BootLog log;
    ModuleLoader loader(log, options(kernel, {"virtio:d00000001v1", "pci:v00001AF4d1sv1"}));
    REQUIRE(loader.start());
    wait_until_idle(loader);
    CHECK(kernel.count("virtio_pci.ko ") == 1);
    CHECK(loader.loaded() == 3);
}

TEST_CASE("Without an index the boot goes on") {
    Kernel kernel;
    BootLog log;
    ModuleLoader::Options setup = options(kernel, {"virtio:d00000001v1"});
    setup.index = [] {
        return Result<kmod::ModuleIndex>(Error(ErrorKind::not_found, "no modules.dep"));
    };
    ModuleLoader loader(log, std::move(setup));
    REQUIRE(loader.start());
    loader.request_alias("virtio:d00000001v1");
    wait_until_idle(loader);
    CHECK(loader.loaded() == 0);
    CHECK(kernel.loaded.empty());
}

TEST_CASE("Network cards' drivers come first") {
    Kernel kernel;
    BootLog log;
    ModuleLoader::Options setup = options(kernel, {});
    setup.threads = 1;
    setup.walk_buses = [](const OnAlias& on_alias) {
        on_alias("pci:v000010DEd1bc03sc00i00");
        on_alias("pci:v00001AF4d1sv1bc02sc00i00");
    };
    ModuleLoader loader(log, std::move(setup));
    REQUIRE(loader.start());
    wait_until_idle(loader);
    CHECK(kernel.position("virtio_pci.ko ") < kernel.position("nouveau.ko "));
    CHECK(kernel.count("nouveau.ko ") == 1);
    CHECK(is_network_alias("virtio:d00000001v00001AF4"));
    CHECK(is_needed_first("virtio:d00000001v00001AF4"));
    CHECK(is_needed_first("virtio:d00000004v00001AF4"));
    CHECK_FALSE(is_needed_first("virtio:d00000002v00001AF4"));
    CHECK_FALSE(is_network_alias("virtio:d00000002v00001AF4"));
    CHECK_FALSE(is_network_alias("pci:v000010DEd1bc03sc00i00"));
}

TEST_CASE("Devices that are needed first get their drivers before all others do") {
    Kernel kernel;
    BootLog log;
    const std::string card = "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00";
    ModuleLoader::Options setup =
        options(kernel, {"pci:v000010DEd00000001sv00000000sd00000000bc03sc00i00", card});
    std::mutex mutex;
    std::vector<std::string> bound;
    auto bind = [&](const std::string& what, const std::string& driver) {
        bool ready = kernel.count(driver) == 1;
        std::lock_guard lock(mutex);
        bound.push_back(what + (ready ? "" : " too early"));
    };
    setup.bind_first = [&] { bind("first", "virtio_pci.ko "); };
    setup.bind_rest = [&] { bind("rest", "virtio_pci.ko "); };
    for (unsigned threads : {1U, 4U}) {
        kernel.loaded.clear();
        bound.clear();
        ModuleLoader::Options one = setup;
        one.threads = threads;
        ModuleLoader loader(log, std::move(one));
        REQUIRE(loader.start());
        wait_until_idle(loader);
        // The card's virtio driver is known without waiting for the device on the card.
        CHECK(kernel.count("virtio_net.ko ") == 1);
        std::lock_guard lock(mutex);
        REQUIRE(bound.size() == 3);
        CHECK(std::find(bound.begin(), bound.end(), "first") != bound.end());
        CHECK(bound.back() == "rest");
    }
}

TEST_CASE("Without an index devices get the drivers that are part of the kernel") {
    Kernel kernel;
    BootLog log;
    ModuleLoader::Options setup = options(kernel, {});
    setup.index = [] {
        return Result<kmod::ModuleIndex>(Error(ErrorKind::not_found, "no modules.dep"));
    };
    std::atomic<int> rest = 0;
    setup.bind_rest = [&rest] { ++rest; };
    ModuleLoader loader(log, std::move(setup));
    REQUIRE(loader.start());
    wait_until_idle(loader);
    CHECK(rest == 1);
}

TEST_CASE("PCI devices are bound in the order in which they are needed") {
    auto dir = TempDir::create();
    REQUIRE(dir);
    const std::filesystem::path bus = dir->path() / "bus/pci";
    auto device = [&bus](const std::string& name, const std::string& alias) {
        std::filesystem::create_directories(bus / "devices" / name);
        REQUIRE(write_file(bus / "devices" / name / "modalias", alias + "\n"));
    };
    device("0000:00:01.0", "pci:v00008086d00007010sv00001AF4sd00001100bc01sc01i80");
    device("0000:00:02.0", "pci:v00001AF4d00001005sv00001AF4sd00000004bc00scFFi00");
    device("0000:00:03.0", "pci:v00008086d00001533sv00000000sd00000000bc02sc00i00");
    device("0000:00:04.0", "pci:v00008086d00001533sv00000000sd00000000bc02sc00i00");
    std::filesystem::create_directories(bus / "devices/0000:00:04.0/driver");
    REQUIRE(write_file(bus / "drivers_autoprobe", "1"));
    // A pipe keeps all that is written, one name behind the other.
    REQUIRE(::mkfifo((bus / "drivers_probe").c_str(), 0600) == 0);
    Fd probes(::open((bus / "drivers_probe").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    auto written = [&probes] {
        std::string text(1024, '\0');
        ssize_t size = ::read(probes.get(), text.data(), text.size());
        return text.substr(0, size < 0 ? 0 : static_cast<std::size_t>(size));
    };
    BindOrder order(dir->path());
    REQUIRE(order.hold());
    CHECK(*read_file(bus / "drivers_autoprobe") == "0");
    CHECK(written().empty());
    order.bind_first();
    CHECK(written() == "0000:00:03.00000:00:02.0");
    REQUIRE(order.release());
    CHECK(*read_file(bus / "drivers_autoprobe") == "1");
    CHECK(written() == "0000:00:01.00000:00:02.00000:00:03.0");
    CHECK_FALSE(BindOrder(dir->path() / "none").hold());
}

TEST_CASE("The virtio device on a PCI device is foreseen") {
    auto on = [](const std::string& alias) { return virtio_alias_on(alias).value_or("none"); };
    CHECK(on("pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00") ==
          "virtio:d00000001v00001AF4");
    CHECK(on("pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00") ==
          "virtio:d00000002v00001AF4");
    CHECK(on("pci:v00001AF4d0000107Fsv00001AF4sd00001100bc01sc00i00") ==
          "virtio:d0000003Fv00001AF4");
    CHECK(on("pci:v00001AF4d00001080sv00001AF4sd00001100bc01sc00i00") == "none");
    CHECK(on("pci:v00001AF4d00000FFFsv00001AF4sd00001100bc01sc00i00") == "none");
    CHECK(on("pci:v00008086d00001000sv00001AF4sd00000001bc02sc00i00") == "none");
    CHECK(on("pci:v00001AF4d0000100xsv00001AF4sd00000001") == "none");
    CHECK(on("pci:v00001AF4d00001000sv00001AF4sd0000001") == "none");
    CHECK(on("usb:v00001AF4d00001000sv00001AF4sd00000001") == "none");
    CHECK(on("pci:") == "none");
}

TEST_CASE("Network cards are named as people know them") {
    CHECK(network_cards({"pci:v00008086d00001533sv0000sd0000bc02sc00i00",
                         "pci:v00008086d00007010sv0000sd0000bc01sc01i80", "pci:bc02",
                         "usb:v1D6Bp0002"}) == std::vector<std::string>{"8086:1533"});
}

TEST_CASE("Devices are found on buses and in the whole tree") {
    auto sys = TempDir::create();
    REQUIRE(sys);
    auto device = [&](const std::string& path, const std::string& alias) {
        std::filesystem::create_directories(sys->path() / path);
        REQUIRE(write_file(sys->path() / path / "modalias", alias + "\n"));
    };
    device("devices/pci0/0000:00:03.0", "pci:v1");
    device("devices/pci0/0000:00:03.0/virtio0", "virtio:d1");
    device("devices/virtual/dmi/id", "dmi:x");
    device("devices/platform/empty", "");
    for (const char* bus : {"acpi", "pci"})
        std::filesystem::create_directories(sys->path() / "bus" / bus / "devices");
    std::filesystem::create_directory_symlink("../../../devices/pci0/0000:00:03.0",
                                              sys->path() / "bus/pci/devices/0000:00:03.0");
    std::filesystem::create_directory_symlink("../../../devices/virtual/dmi/id",
                                              sys->path() / "bus/acpi/devices/id");
    // A circle, as sysfs has many.
    std::filesystem::create_directory_symlink("../..", sys->path() / "devices/pci0/subsystem");
    std::vector<std::string> found;
    auto note = [&found](std::string alias) { found.push_back(std::move(alias)); };
    walk_buses(sys->path(), note);
    CHECK(found == std::vector<std::string>{"pci:v1", "dmi:x"});
    found.clear();
    walk_all_devices(sys->path(), note);
    std::sort(found.begin(), found.end());
    CHECK(found == std::vector<std::string>{"dmi:x", "pci:v1", "virtio:d1"});
    found.clear();
    walk_buses("/nonexistent", note);
    walk_all_devices("/nonexistent", note);
    CHECK(found.empty());
}

TEST_CASE("Kernel events are read") {
    using namespace std::string_literals;
    auto event =
        parse_uevent("add@/devices/pci0/virtio0\0ACTION=add\0MODALIAS=virtio:d1v2\0SEQNUM=7\0"s);
    REQUIRE(event);
    CHECK(event->action == "add");
    CHECK(event->device == "/devices/pci0/virtio0");
    CHECK(event->modalias == "virtio:d1v2");
    CHECK(parse_uevent("remove@/x\0"s)->modalias.empty());
    CHECK_FALSE(parse_uevent(""));
    CHECK_FALSE(parse_uevent("add@/x"));
    CHECK_FALSE(parse_uevent("libudev\0@"s));
    CHECK_FALSE(parse_uevent("@/x\0"s));
}
