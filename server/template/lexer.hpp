#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::server::tmpl {

struct Token {
    enum class Kind {
        text,        // outside of {{ }}, already trimmed
        open,        // {{
        close,       // }}
        identifier,  // name, true, false, nil, if, …
        field,       // .name
        dot,         // .
        variable,    // $ or $name
        string,      // value holds the text meant
        character,   // value holds the code point in decimal
        number,
        symbol,  // | ( ) , := =
        end,
    };
    Kind kind = Kind::end;
    std::string value;
    int line = 0;
    bool spaced = false;  // white space stood before it
};

// The whole template as tokens, ending with `end`; comments are gone. Errors: "line N: …".
Result<std::vector<Token>> tokenize(std::string_view text);

Error syntax_error(int line, const std::string& what);

}  // namespace osiekit::server::tmpl
