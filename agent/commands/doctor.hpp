#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/settings.hpp"

namespace osiekit::agent {

// What a look at one thing of the machine came to.
struct Finding {
    enum class Verdict { ok, warning, failure };
    std::string check;  // a short name, stable for programs
    Verdict verdict = Verdict::ok;
    std::string text;  // what was seen
    std::string hint;  // what to do; empty for ok

    // Of a check that names itself.
    static Finding ok(std::string text) { return {"", Verdict::ok, std::move(text), ""}; }
    static Finding warn(std::string text, std::string hint) {
        return {"", Verdict::warning, std::move(text), std::move(hint)};
    }
    static Finding bad(std::string text, std::string hint) {
        return {"", Verdict::failure, std::move(text), std::move(hint)};
    }
};

std::string_view to_string(Finding::Verdict verdict);  // ok, warn, fail

// One thing to look at. Never fails itself: what goes wrong is the finding.
struct Check {
    std::string name;
    std::function<Finding(const Settings& settings)> look;
};

// Of the machine itself: kernel, namespaces, cgroups, file systems, memory, clock.
std::vector<Check> machine_checks();
// Of what is around it: names, registry, server, syslog. Each asks at most for a few seconds.
std::vector<Check> network_checks();

}  // namespace osiekit::agent
