#include "server/template/lexer.hpp"

#include <algorithm>
#include <charconv>

#include "lib/base/text.hpp"

namespace osiekit::server::tmpl {
namespace {

using Kind = Token::Kind;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_word(char c) {
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (static_cast<unsigned char>(c) & 0x80U) != 0;
}

void append_utf8(std::string& out, std::uint32_t point) {
    auto put = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
    if (point < 0x80) {
        put(point);
    } else if (point < 0x800) {
        put(0xc0U | point >> 6U);
        put(0x80U | (point & 0x3fU));
    } else if (point < 0x10000) {
        put(0xe0U | point >> 12U);
        put(0x80U | (point >> 6U & 0x3fU));
        put(0x80U | (point & 0x3fU));
    } else {
        put(0xf0U | point >> 18U);
        put(0x80U | (point >> 12U & 0x3fU));
        put(0x80U | (point >> 6U & 0x3fU));
        put(0x80U | (point & 0x3fU));
    }
}

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Result<std::vector<Token>> run() {
        while (at_ < text_.size()) {
            std::size_t open = text_.find("{{", at_);
            add_text(open == std::string_view::npos ? text_.size() : open);
            if (at_ >= text_.size()) break;
            OSIEKIT_TRY(action());
        }
        add(Kind::end, "");
        return std::move(tokens_);
    }

  private:
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    bool follows(std::string_view what) const { return text_.substr(at_).starts_with(what); }
    void advance(std::size_t n) {
        for (; n > 0 && at_ < text_.size(); --n)
            if (text_[at_++] == '\n') ++line_;
    }
    void add(Kind kind, std::string value, bool spaced = false) {
        tokens_.push_back({kind, std::move(value), line_, spaced});
    }

    void add_text(std::size_t end) {
        std::string_view piece = text_.substr(at_, end - at_);
        bool trim_right = text_.substr(end).starts_with("{{-") && end + 3 < text_.size() &&
                          is_space(text_[end + 3]);
        std::string_view kept = piece;
        if (trim_left_)
            while (!kept.empty() && is_space(kept.front())) kept.remove_prefix(1);
        if (trim_right)
            while (!kept.empty() && is_space(kept.back())) kept.remove_suffix(1);
        if (!kept.empty()) add(Kind::text, std::string(kept));
        trim_left_ = false;
        advance(piece.size());
    }

    bool at_close() const { return follows("}}") || (spaced_ && follows("-}}")); }

    void close() {
        trim_left_ = peek() == '-';
        advance(trim_left_ ? 3 : 2);
    }

    // From "{{" to behind "}}".
    Status action() {
        int opened = line_;
        advance(2);
        if (peek() == '-' && is_space(peek(1))) advance(1);
        skip_spaces();
        if (follows("/*")) return comment(opened);
        add(Kind::open, "");
        spaced_ = true;
        while (true) {
            spaced_ = skip_spaces() || spaced_;
            if (at_ >= text_.size()) return syntax_error(opened, "'{{' has no '}}'");
            if (at_close()) break;
            OSIEKIT_TRY(token());
            spaced_ = false;
        }
        close();
        add(Kind::close, "");
        return {};
    }

    Status comment(int opened) {
        std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return syntax_error(opened, "the comment has no '*/'");
        advance(end + 2 - at_);
        spaced_ = skip_spaces();
        if (!at_close()) return syntax_error(line_, "'}}' must follow the comment");
        close();
        return {};
    }

    bool skip_spaces() {
        bool any = false;
        for (; at_ < text_.size() && is_space(peek()); any = true) advance(1);
        return any;
    }

    std::string word() {
        std::size_t start = at_;
        while (at_ < text_.size() && is_word(peek())) advance(1);
        return std::string(text_.substr(start, at_ - start));
    }

    Status token() {
        char c = peek();
        bool spaced = spaced_;
        if (c == '"') return string(spaced);
        if (c == '`') return raw_string(spaced);
        if (c == '\'') return character(spaced);
        if (is_digit(c) || ((c == '-' || c == '+' || c == '.') && is_digit(peek(1))))
            return number(spaced);
        if (c == '.') {
            advance(1);
            std::string name = word();
            add(name.empty() ? Kind::dot : Kind::field, name, spaced);
            return {};
        }
        if (c == '$') {
            advance(1);
            add(Kind::variable, "$" + word(), spaced);
            return {};
        }
        if (follows(":=")) {
            advance(2);
            add(Kind::symbol, ":=", spaced);
            return {};
        }
        if (std::string_view("|(),=").find(c) != std::string_view::npos) {
            advance(1);
            add(Kind::symbol, std::string(1, c), spaced);
            return {};
        }
        if (is_word(c)) {
            add(Kind::identifier, word(), spaced);
            return {};
        }
        return syntax_error(line_, "unexpected '" + printable(std::string(1, c)) + "'");
    }

    Status number(bool spaced) {
        std::size_t start = at_;
        advance(1);
        auto exponent = [&] { return text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'; };
        while (is_word(peek()) || peek() == '.' || ((peek() == '+' || peek() == '-') && exponent()))
            advance(1);
        add(Kind::number, std::string(text_.substr(start, at_ - start)), spaced);
        return {};
    }

    Status raw_string(bool spaced) {
        std::size_t end = text_.find('`', at_ + 1);
        if (end == std::string_view::npos) return syntax_error(line_, "'`' is not closed");
        add(Kind::string, std::string(text_.substr(at_ + 1, end - at_ - 1)), spaced);
        advance(end + 1 - at_);
        return {};
    }

    Status string(bool spaced) {
        int opened = line_;
        std::string value;
        advance(1);
        while (peek() != '"') {
            if (at_ >= text_.size() || peek() == '\n')
                return syntax_error(opened, "the text in quotes is not closed");
            OSIEKIT_TRY(one_character(value));
        }
        advance(1);
        add(Kind::string, std::move(value), spaced);
        return {};
    }

    Status character(bool spaced) {
        std::size_t start = at_;
        std::string value;
        advance(1);
        while (peek() != '\'') {
            if (at_ >= text_.size() || peek() == '\n' || value.size() > 4)
                return syntax_error(line_, "the character constant is not closed");
            OSIEKIT_TRY(one_character(value));
        }
        advance(1);
        if (value.size() != 1)
            return syntax_error(
                line_, "not one ASCII character: " + printable(text_.substr(start, at_ - start)));
        add(Kind::character, std::to_string(static_cast<unsigned char>(value[0])), spaced);
        return {};
    }

    // Copies one character of a quoted text, with its escape resolved.
    Status one_character(std::string& out) {
        if (peek() != '\\') {
            out += peek();
            advance(1);
            return {};
        }
        char kind = peek(1);
        advance(2);
        constexpr std::string_view letters = "abfnrtv\\\"'";
        constexpr std::string_view meant = "\a\b\f\n\r\t\v\\\"'";
        if (auto i = letters.find(kind); kind != '\0' && i != std::string_view::npos) {
            out += meant[i];
            return {};
        }
        std::size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
        std::string_view hex = text_.substr(std::min(at_, text_.size()), digits);
        std::uint32_t point = 0;
        auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), point, 16);
        if (digits == 0 || hex.size() != digits || error != std::errc() ||
            end != hex.data() + hex.size() || point > 0x10ffff)
            return syntax_error(line_,
                                "unknown escape '\\" + printable(std::string(1, kind)) + "'");
        advance(digits);
        if (kind == 'x')
            out += static_cast<char>(point);
        else
            append_utf8(out, point);
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
    bool trim_left_ = false;
    bool spaced_ = false;
    std::vector<Token> tokens_;
};

}  // namespace

Error syntax_error(int line, const std::string& what) {
    return {ErrorKind::invalid_input, "line " + std::to_string(line) + ": " + what};
}

Result<std::vector<Token>> tokenize(std::string_view text) {
    return Lexer(text).run();
}

}  // namespace osiekit::server::tmpl
