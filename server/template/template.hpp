#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::server {

// Bounds on templates, which are untrusted input; beyond them the error has kind limit.
constexpr std::size_t max_template_bytes = 256U << 10U;
constexpr std::size_t max_rendered_bytes = 256U << 10U;  // as Tinkerbell's
constexpr int max_template_depth = 100;                  // nesting in the text, and of {{template}}
constexpr std::size_t max_template_work = 4'000'000;     // values and bytes touched

namespace tmpl {
struct Program;
}

// Go's text/template as workflow templates use it (tinkerbell.md 3.2, 3.3), with missingkey=error:
// actions, pipelines, variables, if/else, range, with, define/template/block, break/continue,
// white-space trimming, and the functions listed in functions.cpp. Values are JSON; maps are
// ranged over in key order, as in Go.
class Template {
  public:
    // Errors: "line 3: …" of kind invalid_input: broken syntax, unknown function, unknown variable.
    static Result<Template> parse(std::string_view text);

    // Errors name the line and the value: "line 4: .device_2: there is no such value".
    Result<std::string> render(const nlohmann::json& data) const;

  private:
    explicit Template(std::shared_ptr<const tmpl::Program> program)
        : program_(std::move(program)) {}
    std::shared_ptr<const tmpl::Program> program_;
};

}  // namespace osiekit::server
