#include "server/netboot/ipxe/script.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "lib/base/text.hpp"
#include "tests/unit/netboot/support.hpp"

using namespace osiekit;
using namespace osiekit::netboot;

namespace {

Settings settings() {
    Settings result;
    result.address = Ipv4(192, 0, 2, 1);
    result.public_http_url = "http://192.0.2.1:7080";
    result.grpc_authority = "192.0.2.1:42113";
    result.syslog_host = "192.0.2.1";
    result.extra_kernel_arguments = "quiet insecure_registries=registry.example:5000";
    return result;
}

bool has_line(const std::string& script, std::string_view line) {
    for (auto candidate : split(script, '\n'))
        if (candidate == line) return true;
    return false;
}

}  // namespace

TEST_CASE("the kernel's arguments stand in smee's order, the machine's own last") {
    auto machine = test::example_machine();
    machine.vlan_id = "7";
    machine.extra_kernel_arguments = "loglevel=7";
    CHECK(ipxe::kernel_arguments(machine, settings()).value() ==
          "vlan_id=7 facility=onprem syslog_host=192.0.2.1 grpc_authority=192.0.2.1:42113 "
          "tinkerbell_tls=false worker_id=52:54:00:aa:bb:01 hw_addr=52:54:00:aa:bb:01 "
          "modules=loop,squashfs,sd-mod,usb-storage initrd=initramfs console=tty0 "
          "console=ttyS1,115200 quiet insecure_registries=registry.example:5000 loglevel=7");
}

TEST_CASE("a console of the operator or of the machine replaces ours") {
    auto machine = test::example_machine();
    auto given = settings();
    given.extra_kernel_arguments = "console=ttyS0";
    auto text = ipxe::kernel_arguments(machine, given).value();
    CHECK(text.find("ttyS1") == std::string::npos);
    CHECK(text.find("tty0") == std::string::npos);
    given.extra_kernel_arguments = "noconsole=1";
    CHECK(ipxe::kernel_arguments(machine, given)->find("ttyS1") != std::string::npos);
    machine.extra_kernel_arguments = "console=ttyAMA0";
    CHECK(ipxe::kernel_arguments(machine, given)->find("ttyS1") == std::string::npos);
}

TEST_CASE("the image's arguments stand first, so that all others override them") {
    auto machine = test::example_machine();
    machine.extra_kernel_arguments = "loglevel=7";
    auto text = ipxe::kernel_arguments(machine, settings(), "initramfs_options=size=90% quiet");
    REQUIRE(text);
    CHECK(text->rfind("initramfs_options=size=90% quiet facility=onprem ", 0) == 0);
    CHECK(text->find(" console=ttyS1,115200 ") != std::string::npos);
    CHECK(text->substr(text->size() - 11) == " loglevel=7");
}

TEST_CASE("the image's consoles count where neither operator nor record names one") {
    auto machine = test::example_machine();
    const std::string image = "console=tty0 initramfs_options=size=90% console=ttyS0,115200";
    auto text = ipxe::kernel_arguments(machine, settings(), image).value();
    CHECK(text.rfind(image + " facility=", 0) == 0);
    CHECK(text.find("ttyS1") == std::string::npos);
    machine.extra_kernel_arguments = "console=ttyAMA0";
    text = ipxe::kernel_arguments(machine, settings(), image).value();
    CHECK(text.rfind("initramfs_options=size=90% facility=", 0) == 0);
    CHECK(text.find("ttyS0") == std::string::npos);
    CHECK(text.find("tty0") == std::string::npos);
    CHECK(text.find("console=ttyAMA0") != std::string::npos);
}

TEST_CASE("an image cannot add a command to the script") {
    for (const std::string attack :
         {"x || shell", "x && shell", "x ; shell", "x #", "${net0/mac}", "x\\", "x\nshell"}) {
        INFO(printable(attack));
        auto text = ipxe::script(test::example_machine(), settings(), attack);
        REQUIRE_FALSE(text);
        CHECK(text.error().kind() == ErrorKind::invalid_input);
    }
}

TEST_CASE("an image that the record names is not the server's own") {
    auto machine = test::example_machine();
    CHECK(ipxe::boots_own_image(machine));
    for (auto field : {&Machine::base_url, &Machine::kernel, &Machine::initrd}) {
        auto other = machine;
        other.*field = "other";
        CHECK_FALSE(ipxe::boots_own_image(other));
    }
}

TEST_CASE("the boot script") {
    auto machine = test::example_machine();
    machine.kernel = "special/vmlinuz-6.1";
    machine.base_url = "http://files.example/osie/";
    auto text = ipxe::script(machine, settings()).value();
    CHECK(text.substr(0, 7) == "#!ipxe\n");
    CHECK(has_line(text, "set arch x86_64"));
    CHECK(has_line(text, "set download-url http://files.example/osie"));
    CHECK(text.find("\nkernel --name vmlinuz-6.1 ${download-url}/special/vmlinuz-6.1 facility=") !=
          std::string::npos);
    CHECK(
        has_line(text, "initrd --name initramfs ${download-url}/initramfs && goto initrd_done ||"));
    CHECK(has_line(text, "boot ||"));
    CHECK(has_line(text, "iseq ${attempt} 10 && goto failed ||"));
}

TEST_CASE("the script for the disk leaves iPXE") {
    auto machine = test::example_machine();
    machine.boot = BootTarget::local_disk;
    machine.ipxe_script_text = "shell";
    auto text = ipxe::script(machine, settings()).value();
    CHECK(has_line(text, "iseq ${platform} efi && exit 1 ||"));
    CHECK(has_line(text, "exit 0"));
    CHECK(text.find("shell") == std::string::npos);
}

TEST_CASE("scripts of the record itself") {
    auto machine = test::example_machine();
    machine.ipxe_script_text = "#!ipxe\nchain http://x.example/y || shell";
    CHECK(ipxe::script(machine, settings())->find(machine.ipxe_script_text) != std::string::npos);
    machine.ipxe_script_url = "https://x.example/a.ipxe";
    CHECK(has_line(ipxe::script(machine, settings()).value(),
                   "chain --autofree https://x.example/a.ipxe"));
    machine.ipxe_script_url = "https://x.example/a.ipxe\nshell";
    CHECK_FALSE(ipxe::script(machine, settings()));
    machine.ipxe_script_url.clear();
    machine.ipxe_script_text.assign(ipxe::largest_script_text, '#');
    CHECK(ipxe::script(machine, settings()));
    machine.ipxe_script_text += '#';
    CHECK(ipxe::script(machine, settings()).error().kind() == ErrorKind::limit);
}

TEST_CASE("no record can add a command to the script") {
    using Field = std::string Machine::*;
    for (Field field : {&Machine::facility, &Machine::worker_id, &Machine::vlan_id, &Machine::arch,
                        &Machine::kernel, &Machine::initrd, &Machine::base_url,
                        &Machine::extra_kernel_arguments}) {
        for (const std::string attack :
             {"x\nshell", "x\rshell", "x\tshell", "x || shell", "x && shell", "x ; shell", "x #",
              "${net0/mac}", "x\\", "\xc3\xa4", "x\x7f"}) {
            INFO(printable(attack));
            auto machine = test::example_machine();
            machine.*field = attack;
            auto text = ipxe::script(machine, settings());
            REQUIRE_FALSE(text);
            CHECK(text.error().kind() == ErrorKind::invalid_input);
        }
    }
}

TEST_CASE("a value with a blank is only taken as a list of arguments") {
    auto machine = test::example_machine();
    machine.extra_kernel_arguments = "a=1  b=2";
    CHECK(ipxe::kernel_arguments(machine, settings())->find(" a=1 b=2") != std::string::npos);
    machine.worker_id = "a b";
    CHECK_FALSE(ipxe::kernel_arguments(machine, settings()));
}

TEST_CASE("kernel and initrd are plain paths") {
    for (const std::string name : {"../vmlinuz", "/vmlinuz", "a//b", ".hidden", "--name", "a/"}) {
        INFO(name);
        auto machine = test::example_machine();
        machine.kernel = name;
        CHECK_FALSE(ipxe::script(machine, settings()));
        machine.kernel.clear();
        machine.initrd = name;
        CHECK_FALSE(ipxe::script(machine, settings()));
    }
}

TEST_CASE("a command line at the kernel's limit is taken and one above it is refused") {
    auto machine = test::example_machine();
    auto given = settings();
    auto used = ipxe::kernel_arguments(machine, given)->size();
    machine.extra_kernel_arguments.assign(ipxe::largest_kernel_command_line - used - 1, 'x');
    CHECK(ipxe::kernel_arguments(machine, given)->size() == ipxe::largest_kernel_command_line);
    machine.extra_kernel_arguments += 'x';
    CHECK(ipxe::kernel_arguments(machine, given).error().kind() == ErrorKind::limit);
}

TEST_CASE("binaries are read by extension and chosen by architecture") {
    test::IpxeFolder folder;
    auto binaries = folder.load();
    CHECK(binaries.names() == std::vector<std::string>{"ipxe.efi", "snponly.efi", "undionly.kpxe"});
    CHECK(*binaries.find("ipxe.efi") == "binary ipxe.efi");
    CHECK(binaries.find("README") == nullptr);
    CHECK(binaries.for_architecture(0) == "undionly.kpxe");
    CHECK(binaries.for_architecture(16) == "snponly.efi");
    CHECK(binaries.for_architecture(11).empty());
    CHECK(binaries.for_architecture(65535).empty());
    std::filesystem::remove(folder.path() / "snponly.efi");
    CHECK(folder.load().for_architecture(7) == "ipxe.efi");
}

TEST_CASE("a folder without binaries is an error with advice") {
    auto empty = TempDir::create().value();
    CHECK(ipxe::Binaries::load(empty.path()).error().hint().find("--ipxe-dir") !=
          std::string::npos);
    CHECK(ipxe::Binaries::load(empty / "missing").error().kind() == ErrorKind::not_found);
}
