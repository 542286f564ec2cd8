#include "builder/image/plan.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::size_t shown_version = 19;  // "sha256:" and 12 digits

bool is_in(const std::vector<LocatedPackage>& packages, const LocatedPackage& wanted) {
    return std::any_of(packages.begin(), packages.end(), [&](const LocatedPackage& package) {
        return package.system == wanted.system && package.name == wanted.name &&
               package.version == wanted.version;
    });
}

// A digest is told by its beginning; all of it is in the JSON and in the lock.
std::string title_of(const LocatedPackage& package) {
    if (package.system != PackageSystem::oci) return package.to_string();
    return package.name + " " + package.version.substr(0, shown_version);
}

std::string place_of(const LocatedPackage& package) {
    if (package.system == PackageSystem::file) return package.location;
    return package.component.empty() ? package.suite : package.suite + " " + package.component;
}

Json package_json(const ImagePlan& plan, const LocatedPackage& package) {
    Json item = {{"name", package.name},
                 {"version", package.version},
                 {"architecture", package.architecture},
                 {"system", to_string(package.system)},
                 {"suite", package.suite},
                 {"component", package.component},
                 {"location", package.location},
                 {"size", package.size},
                 {"cached", !package.file.empty()}};
    item["digest"] = package.digest_known ? Json(package.digest.oci()) : Json();
    item["uses"] = Json::array();
    if (is_in(plan.packages.kernel, package)) item["uses"].push_back("kernel");
    if (is_in(plan.packages.image, package)) item["uses"].push_back("image");
    return item;
}

Json size_json(std::uint64_t size) {
    return size == 0 ? Json() : Json(size);
}

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

std::string right(const std::string& text, std::size_t width) {
    return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

// "1.5" of 1500.
std::string thousandths(std::uint32_t number) {
    std::string text = std::to_string(number % 1000 + 1000).substr(1);
    text.erase(text.find_last_not_of('0') + 1);
    return std::to_string(number / 1000) + (text.empty() ? "" : "." + text);
}

std::string counted(std::uint64_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

constexpr std::size_t name_width = 44;
constexpr std::size_t size_width = 10;
constexpr std::size_t service_width = 20;
constexpr std::size_t longest_sandbox = 400;

std::string line_of(const std::string& name, const std::string& size, const std::string& state,
                    const std::string& from = "") {
    std::string line = "  " + padded(name, name_width) + " " + right(size, size_width) + "  " +
                       (from.empty() ? state : padded(state, 11) + from);
    return line + "\n";
}

// What a service's sandbox is, in a line.
std::string sandbox_text(const sandbox::ServiceSandbox& service) {
    std::string text(to_string(service.level));
    if (service.uid != 0 || service.gid != 0)
        text += ", as " + std::to_string(service.uid) + ":" + std::to_string(service.gid);
    if (service.network != sandbox::Network::host)
        text += ", network " + std::string(to_string(service.network));
    const sandbox::Limits& limits = service.limits;
    if (limits.memory_bytes) text += ", memory " + human_size(*limits.memory_bytes);
    if (limits.processes) text += ", processes " + std::to_string(*limits.processes);
    if (limits.cpu_millis) text += ", cpus " + thousandths(*limits.cpu_millis);
    if (limits.io_bytes_per_second)
        text += ", " + human_size(*limits.io_bytes_per_second) + "/s of each disk";
    if (!service.writable.empty()) text += ", writes " + join(service.writable, " ");
    return text;
}

std::string service_lines(const ImagePlan& plan) {
    if (plan.services.empty()) return {};
    std::string text = "services\n";
    for (const ServiceSpec& service : plan.services)
        text += "  " + padded(printable(service.name), service_width) + " " +
                (service.sandbox ? printable(sandbox_text(*service.sandbox), longest_sandbox)
                                 : "no sandbox") +
                "\n";
    return text;
}

std::string segment_lines(const ImagePlan& plan) {
    std::string text = "segments\n";
    for (const PlannedSegment& segment : plan.segments) {
        if (segment.cached)
            text += line_of(printable(segment.name), human_size(segment.size), "cached");
        else if (segment.unpacked > 0)
            text += line_of(printable(segment.name), "",
                            "to compress, " + human_size(segment.unpacked) + " unpacked");
        else
            text += line_of(printable(segment.name), "", "to compress");
    }
    return text;
}

std::string total_lines(const PlanTotals& totals) {
    std::string text = "total\n  to fetch: " + counted(totals.fetched_packages, "package") + ", " +
                       human_size(totals.fetched_bytes) +
                       "; at hand: " + std::to_string(totals.cached_packages) + ", " +
                       human_size(totals.cached_bytes) +
                       "\n  to compress: " + counted(totals.made_segments, "segment");
    if (totals.made_bytes > 0) text += ", " + human_size(totals.made_bytes) + " unpacked";
    text += "; in the cache: " + std::to_string(totals.cached_segments) + "\n";
    if (totals.image_size)
        text += "  kernel and initramfs: " + human_size(*totals.image_size) + "\n";
    return text;
}

}  // namespace

Result<std::vector<LocalInput>> local_inputs(const Profile& profile, const fs::path& programs,
                                             const LocalFiles& local) {
    std::vector<LocalInput> inputs;
    auto add = [&](const char* kind, const fs::path& path, const std::string& where) -> Status {
        auto file = local.file(path);
        if (!file) return std::move(file).error().context(where);
        inputs.push_back({kind, path, file->size()});
        return {};
    };
    if (profile.kernel.repository == PackageSystem::file)
        OSIEKIT_TRY(add("package", profile.kernel.package, profile.kernel.where));
    for (const ProgramSpec& program : profile.programs)
        OSIEKIT_TRY(add("program", programs / program.name, program.where));
    for (const FileSpec& file : profile.files)
        if (file.source) OSIEKIT_TRY(add("file", *file.source, file.where));
    if (const auto& policy = profile.agent.policy_file)
        OSIEKIT_TRY(add("file", *policy, profile.agent.policy_where));
    OSIEKIT_ASSIGN(std::vector<HostLibrary> libraries, local.libraries(profile));
    for (const HostLibrary& library : libraries)
        inputs.push_back({"file", library.file, library.content.size()});
    for (const TreeSpec& spec : profile.trees) {
        OSIEKIT_ASSIGN(LocalTree found, local.tree(spec));
        LocalInput input{"tree", spec.source, 0};
        for (const auto& [path, entry] : found.tree.entries()) input.size += entry.content.size();
        inputs.push_back(std::move(input));
    }
    return inputs;
}

PlanTotals totals_of(const ImagePlan& plan) {
    PlanTotals totals;
    for (const LocatedPackage& package : plan.packages.all()) {
        bool cached = !package.file.empty();
        (cached ? totals.cached_packages : totals.fetched_packages) += 1;
        (cached ? totals.cached_bytes : totals.fetched_bytes) += package.size;
    }
    std::uint64_t size = plan.kernel ? plan.kernel->vmlinuz_size : 0;
    for (const PlannedSegment& segment : plan.segments) {
        (segment.cached ? totals.cached_segments : totals.made_segments) += 1;
        if (!segment.cached) totals.made_bytes += segment.unpacked;
        size += segment.size;
    }
    if (plan.kernel && totals.made_segments == 0) totals.image_size = size;
    return totals;
}

Json plan_json(const ImagePlan& plan, const std::vector<LocalInput>& inputs) {
    Json document = {{"name", plan.name},
                     {"architecture", plan.architecture},
                     {"compression",
                      {{"method", to_string(plan.compression.method)},
                       {"level", plan.compression.level},
                       {"window_log", plan.compression.window_log}}}};
    document["kernel"] = plan.kernel ? Json{{"version", plan.kernel->version},
                                            {"vmlinuz_size", plan.kernel->vmlinuz_size}}
                                     : Json();
    document["packages"] = Json::array();
    for (const LocatedPackage& package : plan.packages.all())
        document["packages"].push_back(package_json(plan, package));
    document["services"] = Json::array();
    for (const ServiceSpec& service : plan.services)
        document["services"].push_back(
            {{"name", service.name},
             {"command", service.command},
             {"sandbox",
              service.sandbox ? Json(sandbox::service_to_json(*service.sandbox)) : Json()}});
    document["segments"] = Json::array();
    for (const PlannedSegment& segment : plan.segments)
        document["segments"].push_back({{"name", segment.name},
                                        {"cached", segment.cached},
                                        {"size", size_json(segment.size)},
                                        {"unpacked", size_json(segment.unpacked)}});
    document["inputs"] = Json::array();
    for (const LocalInput& input : inputs)
        document["inputs"].push_back(
            {{"kind", input.kind}, {"path", input.path.string()}, {"size", input.size}});
    PlanTotals totals = totals_of(plan);
    document["totals"] = {{"fetched_packages", totals.fetched_packages},
                          {"fetched_bytes", totals.fetched_bytes},
                          {"cached_packages", totals.cached_packages},
                          {"cached_bytes", totals.cached_bytes},
                          {"made_segments", totals.made_segments},
                          {"made_bytes", totals.made_bytes},
                          {"cached_segments", totals.cached_segments},
                          {"image_size", totals.image_size ? Json(*totals.image_size) : Json()}};
    document["content_known"] = plan.known;
    document["warnings"] = plan.warnings;
    return document;
}

std::string plan_text(const ImagePlan& plan, const std::vector<LocalInput>& inputs) {
    std::string text = printable(plan.name) + " for " + printable(plan.architecture) + ", " +
                       std::string(to_string(plan.compression.method)) + "\nkernel: ";
    text += plan.kernel ? printable(plan.kernel->version) + ", " +
                              human_size(plan.kernel->vmlinuz_size) + "\n"
                        : std::string("known once its package is here\n");
    text += "packages\n";
    for (const LocatedPackage& package : plan.packages.all())
        text +=
            line_of(printable(title_of(package)), human_size(package.size),
                    package.file.empty() ? "to fetch" : "at hand", printable(place_of(package)));
    text += service_lines(plan);
    text += segment_lines(plan);
    if (!inputs.empty()) text += "local files\n";
    for (const LocalInput& input : inputs)
        text += line_of(printable(input.path.string()), human_size(input.size), input.kind);
    text += total_lines(totals_of(plan));
    if (!plan.known) text += "What is in some parts is only known once their packages are here.\n";
    return text;
}

}  // namespace osiekit::builder
