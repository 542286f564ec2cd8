#include "server/template/template.hpp"

#include "server/template/evaluator.hpp"
#include "server/template/lexer.hpp"
#include "server/template/parser.hpp"

namespace osiekit::server {

Result<Template> Template::parse(std::string_view text) {
    if (text.size() > max_template_bytes)
        return Error(ErrorKind::limit, "the template has " + std::to_string(text.size()) +
                                           " bytes, more than " +
                                           std::to_string(max_template_bytes));
    OSIEKIT_ASSIGN(auto tokens, tmpl::tokenize(text));
    OSIEKIT_ASSIGN(auto program, tmpl::parse_program(tokens));
    return Template(std::make_shared<const tmpl::Program>(std::move(program)));
}

Result<std::string> Template::render(const nlohmann::json& data) const {
    return tmpl::evaluate(*program_, data);
}

}  // namespace osiekit::server
