#include "agent/commands/doctor.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/commands/command.hpp"
#include "agent/commands/common.hpp"
#include "agent/commands/doctor_isolation.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

using Verdict = Finding::Verdict;

constexpr const char* footer =
    "Exit status: 0 when nothing fails (warnings may), 1 when something does.\n\n"
    "Examples:\n"
    "  tink-worker doctor\n"
    "  tink-worker doctor --grpc-server 192.0.2.1:42113 --registry-name registry.example\n"
    "  tink-worker doctor --only clock,dns\n"
    "  tink-worker doctor --only bridge,user-namespace\n"
    "  tink-worker doctor --json | jq '.findings[] | select(.verdict != \"ok\")'";

void print_text(const Finding& finding) {
    std::printf("%-5s %-14s %s\n", std::string(to_string(finding.verdict)).c_str(),
                finding.check.c_str(), printable(finding.text, 500).c_str());
    if (finding.verdict != Verdict::ok && !finding.hint.empty())
        std::printf("%20s -> %s\n", "", finding.hint.c_str());
    std::fflush(stdout);
}

void print_json(const std::vector<Finding>& findings, Verdict worst) {
    auto list = nlohmann::json::array();
    for (const Finding& finding : findings)
        list.push_back({{"check", finding.check},
                        {"verdict", to_string(finding.verdict)},
                        {"text", printable(finding.text, 500)},
                        {"hint", finding.hint}});
    nlohmann::json all = {{"verdict", to_string(worst)}, {"findings", list}};
    std::printf("%s\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Result<std::vector<Check>> chosen(const std::vector<std::string>& only) {
    auto all = machine_checks();
    for (Check& check : isolation_checks()) all.push_back(std::move(check));
    for (Check& check : network_checks()) all.push_back(std::move(check));
    if (only.empty()) return all;
    std::vector<Check> wanted;
    for (const std::string& name : only) {
        auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Check& check) { return check.name == name; });
        if (found == all.end()) {
            std::vector<std::string> names;
            for (const Check& check : all) names.push_back(check.name);
            return Error(ErrorKind::invalid_input, "there is no check \"" + printable(name) + "\"")
                .hint("there are " + join(names, ", "));
        }
        wanted.push_back(*found);
    }
    return wanted;
}

}  // namespace

std::string_view to_string(Finding::Verdict verdict) {
    switch (verdict) {
        case Verdict::ok:
            return "ok";
        case Verdict::warning:
            return "warn";
        case Verdict::failure:
            break;
    }
    return "fail";
}

int run_command_doctor(int argc, const char* const* argv) {
    CLI::App app("Checks what this machine and its network have of what actions need.",
                 "tink-worker doctor");
    app.footer(footer);
    CommandSettings common;
    bool json = false;
    std::vector<std::string> only;
    app.add_flag("--json", json, "For programs");
    app.add_option("--only", only, "Only these checks: NAME,...")->delimiter(',');
    common.add_to(app, true);
    if (auto status = parse_arguments(app, argc, argv)) return *status;
    auto settings = common.resolve();
    if (!settings) return fail(settings.error());
    auto checks = chosen(only);
    if (!checks) return fail(checks.error());
    std::vector<Finding> findings;
    Verdict worst = Verdict::ok;
    for (const Check& check : *checks) {
        Finding finding = check.look(*settings);
        finding.check = check.name;
        worst = std::max(worst, finding.verdict);
        if (!json) print_text(finding);
        findings.push_back(std::move(finding));
    }
    if (json) print_json(findings, worst);
    return worst == Verdict::failure ? 1 : 0;
}

}  // namespace osiekit::agent
