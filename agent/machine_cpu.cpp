// Processors and memory.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "agent/machine.hpp"
#include "agent/machine_parts.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t max_cpuinfo_bytes = 16U << 20U;  // 4 KiB each for 4096 processors
constexpr std::uint64_t max_meminfo_bytes = 64U << 10U;
// Of memory; the kernel makes them 128 MiB or larger.
constexpr std::size_t max_memory_blocks = 1U << 17U;

using Fields = std::map<std::string, std::string, std::less<>>;

struct Socket {
    std::set<std::string> cores;
    std::uint32_t threads = 0;
    std::string vendor;
    std::string model;
    std::string flags;
};

// The first field that the architecture has.
std::string first_of(const Fields& fields, std::initializer_list<std::string_view> names) {
    for (std::string_view name : names)
        if (auto found = fields.find(name); found != fields.end() && !found->second.empty())
            return found->second;
    return {};
}

std::string vendor_of(const Fields& fields) {
    std::string vendor = first_of(fields, {"vendor_id", "CPU implementer"});
    return vendor == "0x41" ? "ARM" : vendor;
}

// Which socket a processor is in, and a name of its core that is unique there. /proc/cpuinfo has
// both on x86 only, and its "core id" is not unique on processors of several dies.
std::pair<std::uint64_t, std::string> place_of(const fs::path& root, const Fields& fields,
                                               const std::string& processor) {
    fs::path topology = root / "sys/devices/system/cpu" / ("cpu" + processor) / "topology";
    auto package = parse_u64(attribute(topology / "physical_package_id"));
    if (!package) package = parse_u64(first_of(fields, {"physical id"}));
    std::string core = attribute(topology / "core_cpus_list");
    if (core.empty()) core = attribute(topology / "thread_siblings_list");
    if (core.empty()) core = first_of(fields, {"core id"});
    return {package.value_or(0), core.empty() ? "cpu" + processor : core};
}

void take(const fs::path& root, const Fields& fields, std::map<std::uint64_t, Socket>& sockets) {
    // A number: it becomes part of a path.
    auto processor = parse_u64(first_of(fields, {"processor"}));
    if (!processor) return;
    auto [package, core] = place_of(root, fields, std::to_string(*processor));
    Socket& socket = sockets[package];
    socket.cores.insert(core);
    if (socket.threads++ > 0) return;
    socket.vendor = vendor_of(fields);
    socket.model = first_of(fields, {"model name", "Model Name", "cpu model", "cpu", "uarch"});
    socket.flags = first_of(fields, {"flags", "Features"});
}

std::uint64_t usable_memory(const fs::path& root) {
    auto text = read_file(root / "proc/meminfo", max_meminfo_bytes);
    if (!text) return 0;
    for (std::string_view row : split(*text, '\n')) {
        auto words = split_words(row);
        if (words.size() > 1 && words[0] == "MemTotal:")
            return parse_u64(words[1]).value_or(0) * 1024;
    }
    return 0;
}

// The memory blocks that the kernel has, with what it keeps for itself; 0: it does not say.
std::uint64_t installed_memory(const fs::path& root) {
    fs::path blocks = root / "sys/devices/system/memory";
    std::string digits = attribute(blocks / "block_size_bytes");  // hexadecimal, without 0x
    if (digits.size() % 2 != 0) digits.insert(0, 1, '0');
    auto size = from_hex(digits);
    if (!size || size->size() > 8) return 0;
    std::uint64_t block = 0;
    for (char c : *size) block = block << 8U | static_cast<unsigned char>(c);
    std::uint64_t installed = 0;
    for (const fs::path& entry : entries(blocks, max_memory_blocks))
        if (attribute(entry / "state") == "online") installed += block;
    return installed;
}

}  // namespace

void add_cpu(const fs::path& root, proto::AgentAttributes& attributes) {
    auto text = read_file(root / "proc/cpuinfo", max_cpuinfo_bytes);
    if (!text) return;
    std::map<std::uint64_t, Socket> sockets;
    Fields fields;
    for (std::string_view row : split(*text, '\n')) {
        std::size_t colon = row.find(':');
        if (colon == std::string_view::npos) {
            take(root, std::exchange(fields, {}), sockets);
            continue;
        }
        fields[std::string(trim(row.substr(0, colon)))] = trim(row.substr(colon + 1));
    }
    take(root, fields, sockets);
    auto* cpu = attributes.mutable_cpu();
    for (const auto& [id, socket] : sockets) {
        auto cores = static_cast<std::uint32_t>(socket.cores.size());
        cpu->set_total_cores(cpu->total_cores() + cores);
        cpu->set_total_threads(cpu->total_threads() + socket.threads);
        auto* processor = cpu->add_processors();
        processor->set_id(static_cast<std::uint32_t>(id));
        processor->set_cores(cores);
        processor->set_threads(socket.threads);
        processor->set_vendor(attribute_text(socket.vendor));
        processor->set_model(attribute_text(socket.model));
        for (std::string_view flag : split_words(socket.flags))
            processor->add_capabilities(attribute_text(flag));
    }
}

void add_memory(const fs::path& root, proto::AgentAttributes& attributes) {
    std::uint64_t usable = usable_memory(root);
    if (usable == 0) return;
    attributes.mutable_memory()->set_total(size_text(std::max(installed_memory(root), usable)));
    attributes.mutable_memory()->set_usable(size_text(usable));
}

}  // namespace osiekit::agent
