#include "server/netboot/ipxe/script.hpp"

#include <algorithm>
#include <vector>

#include "lib/base/text.hpp"

namespace osiekit::netboot::ipxe {
namespace {

Error refused(std::string_view field, std::string_view value, std::string why) {
    return Error(ErrorKind::invalid_input,
                 std::string(field) + " \"" + printable(value) + "\" " + std::move(why))
        .hint(
            "an iPXE script has no quoting; change the value in the hardware record or the "
            "server's settings");
}

// Text that may stand on a script line, blanks included.
Status check_text(std::string_view field, std::string_view value) {
    for (char c : value)
        if (c < 0x20 || c > 0x7e)
            return refused(field, value, "has a line end or another character beyond plain ASCII");
    if (value.find("${") != std::string_view::npos)
        return refused(field, value, "has a ${ which iPXE would expand");
    for (auto word : split_words(value)) {
        bool command = word == "||" || word == "&&" || word == ";" || word.front() == '#';
        if (command) return refused(field, value, "has a word that iPXE takes for a command");
        if (word.back() == '\\')
            return refused(field, value, "has a word that ends in a backslash");
    }
    return {};
}

// A text that is one word.
Status check_word(std::string_view field, std::string_view value) {
    if (value.find(' ') != std::string_view::npos) return refused(field, value, "has a blank");
    return check_text(field, value);
}

// A file below the download URL.
Status check_file(std::string_view field, std::string_view value) {
    OSIEKIT_TRY(check_word(field, value));
    if (value.empty()) return refused(field, value, "is empty");
    for (auto part : split(value, '/'))
        if (part.empty() || part.front() == '.' || part.front() == '-')
            return refused(field, value, "is no path of plain names");
    return {};
}

Status check_url(std::string_view field, std::string_view value) {
    OSIEKIT_TRY(check_word(field, value));
    if (value.find("://") == std::string_view::npos || value.front() == '-')
        return refused(field, value, "is no URL");
    return {};
}

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

const std::string& first_given(const std::string& a, const std::string& b) {
    return a.empty() ? b : a;
}

// Whether the operator has chosen consoles. The defaults are not put before them then: Linux 6.1
// registers its serial driver for the first port that is named, and when the machine lacks that
// one, for none.
bool is_console(std::string_view word) {
    return word.rfind("console=", 0) == 0;
}

bool names_console(std::string_view arguments) {
    for (auto word : split_words(arguments))
        if (is_console(word)) return true;
    return false;
}

std::string without_consoles(std::string_view arguments) {
    std::vector<std::string> words;
    for (auto word : split_words(arguments))
        if (!is_console(word)) words.emplace_back(word);
    return join(words, " ");
}

// Collects "key=value" words.
class Arguments {
  public:
    Status add(std::string_view key, std::string_view value) {
        if (value.empty()) return {};
        OSIEKIT_TRY(check_word(key, value));
        words_.push_back(std::string(key) + "=" + std::string(value));
        return {};
    }
    Status add_words(std::string_view field, std::string_view words) {
        OSIEKIT_TRY(check_text(field, words));
        for (auto word : split_words(words)) words_.emplace_back(word);
        return {};
    }
    std::string text() const { return join(words_, " "); }

  private:
    std::vector<std::string> words_;
};

Result<std::string> chain_script(const Machine& machine) {
    const std::string head =
        "#!ipxe\necho osiekit: own script of " + machine.mac.to_string() + "\n";
    if (!machine.ipxe_script_url.empty()) {
        OSIEKIT_TRY(check_url("iPXE script URL", machine.ipxe_script_url));
        return head + "chain --autofree " + machine.ipxe_script_url + "\n";
    }
    if (machine.ipxe_script_text.size() > largest_script_text)
        return Error(ErrorKind::limit,
                     "the record's iPXE script is longer than " + human_size(largest_script_text));
    return head + machine.ipxe_script_text + "\n";
}

// BIOS: exit status 0 or not, the firmware goes on to its next boot device. UEFI: after a success
// the boot manager stops, after a failure it tries the next entry.
std::string local_disk_script(const Machine& machine) {
    return "#!ipxe\n"
           "echo osiekit: " +
           machine.mac.to_string() +
           " boots from its own disk\n"
           "iseq ${platform} efi && exit 1 ||\n"
           "exit 0\n";
}

// One download, tried again after a pause; `label` is unique in the script.
std::string fetch_step(const std::string& label, const std::string& command,
                       const Settings& settings) {
    return "set attempt:int32 0\n:" + label + "\n" + command + " && goto " + label +
           "_done ||\n"
           "inc attempt\n"
           "iseq ${attempt} " +
           std::to_string(std::max(1U, settings.script_retries)) +
           " && goto failed ||\n"
           "echo osiekit: " +
           label + " failed, trying again\nsleep " + std::to_string(settings.script_retry_delay) +
           "\ngoto " + label + "\n:" + label + "_done\n";
}

Result<std::string> osie_script(const Machine& machine, const Settings& settings,
                                std::string_view image_arguments) {
    OSIEKIT_ASSIGN(std::string arguments, kernel_arguments(machine, settings, image_arguments));
    const auto& kernel = first_given(machine.kernel, settings.kernel);
    const auto& initrd = first_given(machine.initrd, settings.initrd);
    std::string base = first_given(machine.base_url, settings.public_http_url + "/osie");
    OSIEKIT_TRY(check_file("kernel", kernel));
    OSIEKIT_TRY(check_url("download URL", base));
    while (base.back() == '/') base.pop_back();
    std::string text =
        "#!ipxe\necho osiekit: installation environment for " + machine.mac.to_string() + "\n";
    if (!settings.syslog_host.empty()) text += "set syslog " + settings.syslog_host + " ||\n";
    text += "set arch " + first_given(machine.arch, "x86_64") + "\n";
    text += "set download-url " + base + "\n";
    text += "imgfree\n";
    text += fetch_step(
        "kernel",
        "kernel --name " + base_name(kernel) + " ${download-url}/" + kernel + " " + arguments,
        settings);
    text += fetch_step(
        "initrd", "initrd --name " + base_name(initrd) + " ${download-url}/" + initrd, settings);
    text +=
        "boot ||\n"
        ":failed\n"
        "echo osiekit: netboot failed, going on to the next boot device\n"
        "imgfree\n"
        "sleep 5\n"
        "exit 1\n";
    return text;
}

}  // namespace

bool boots_own_image(const Machine& machine) {
    return machine.base_url.empty() && machine.kernel.empty() && machine.initrd.empty();
}

Result<std::string> kernel_arguments(const Machine& machine, const Settings& settings,
                                     std::string_view image_arguments) {
    const std::string mac = machine.mac.to_string();
    const auto& initrd = first_given(machine.initrd, settings.initrd);
    OSIEKIT_TRY(check_file("initrd", initrd));
    OSIEKIT_TRY(check_word("arch", machine.arch));
    // The kernel gives up on serial consoles at the first one that the machine lacks, so none of
    // ours or of the image's must stand before the right one.
    bool console_given = names_console(settings.extra_kernel_arguments) ||
                         names_console(machine.extra_kernel_arguments);
    std::string of_image =
        console_given ? without_consoles(image_arguments) : std::string(image_arguments);
    Arguments arguments;
    OSIEKIT_TRY(arguments.add_words("the image's kernel arguments", of_image));
    OSIEKIT_TRY(arguments.add("vlan_id", machine.vlan_id));
    OSIEKIT_TRY(arguments.add("facility", machine.facility));
    OSIEKIT_TRY(arguments.add("syslog_host", settings.syslog_host));
    OSIEKIT_TRY(arguments.add("grpc_authority", settings.grpc_authority));
    OSIEKIT_TRY(arguments.add("tinkerbell_tls", settings.tinkerbell_tls ? "true" : "false"));
    OSIEKIT_TRY(arguments.add("worker_id", first_given(machine.worker_id, mac)));
    OSIEKIT_TRY(arguments.add("hw_addr", mac));
    OSIEKIT_TRY(arguments.add("modules", settings.modules));
    OSIEKIT_TRY(arguments.add("initrd", base_name(initrd)));
    if (!console_given && !names_console(of_image))
        for (const auto& console : settings.consoles)
            OSIEKIT_TRY(arguments.add("console", console));
    OSIEKIT_TRY(arguments.add_words("kernel arguments", settings.extra_kernel_arguments));
    OSIEKIT_TRY(
        arguments.add_words("the record's kernel arguments", machine.extra_kernel_arguments));
    auto text = arguments.text();
    if (text.size() > largest_kernel_command_line)
        return Error(ErrorKind::limit, "the kernel's arguments have " +
                                           std::to_string(text.size()) +
                                           " characters, the kernel takes " +
                                           std::to_string(largest_kernel_command_line))
            .hint("shorten --kernel-args, the record's kernel arguments or the image's");
    return text;
}

Result<std::string> script(const Machine& machine, const Settings& settings,
                           std::string_view image_arguments) {
    if (machine.boot == BootTarget::local_disk) return local_disk_script(machine);
    if (!machine.ipxe_script_url.empty() || !machine.ipxe_script_text.empty())
        return chain_script(machine);
    return osie_script(machine, settings, image_arguments);
}

}  // namespace osiekit::netboot::ipxe
