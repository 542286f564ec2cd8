#include "images/kexec/grub_words.hpp"

#include <algorithm>

#include "images/kexec/grub.hpp"

namespace osiekit::images::kexec {
namespace {

bool in_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool ends_word(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';';
}

Error never_closed() {
    return {ErrorKind::invalid_input, "a quote is never closed"};
}

}  // namespace

char GrubWords::take() {
    char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
}

Status GrubWords::check(const std::string& word) const {
    if (before_ + word.size() <= max_grub_statement_bytes) return {};
    return Error(ErrorKind::limit, "a statement is longer than " +
                                       std::to_string(max_grub_statement_bytes) + " bytes");
}

// True: the statement goes on with a word.
bool GrubWords::skip_blanks() {
    while (!rest_.empty()) {
        if (rest_.starts_with("\\\n")) {
            rest_.remove_prefix(2);
        } else if (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\r') {
            rest_.remove_prefix(1);
        } else if (rest_.front() == '#') {
            rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
        } else {
            return !ends_word(rest_.front());
        }
    }
    return false;
}

// After a dollar sign.
void GrubWords::variable(std::string& target, const GrubVariables& variables) {
    bool braced = rest_.starts_with('{');
    if (braced) rest_.remove_prefix(1);
    std::size_t length = 0;
    while (length < rest_.size() && in_name(rest_[length])) ++length;
    std::string_view name = rest_.substr(0, length);
    rest_.remove_prefix(length);
    if (braced && rest_.starts_with('}')) rest_.remove_prefix(1);
    if (auto found = variables.find(name); found != variables.end()) target += found->second;
    if (!braced && name.empty()) target += '$';
}

// After the opening one of two double quotes.
Status GrubWords::quoted(std::string& target, const GrubVariables& variables) {
    while (!rest_.empty()) {
        char c = take();
        if (c == '"') return {};
        if (c == '\\' && !rest_.empty() &&
            std::string_view("$\"\\").find(rest_.front()) != std::string_view::npos)
            target += take();
        else if (c == '$')
            variable(target, variables);
        else
            target += c;
        OSIEKIT_TRY(check(target));
    }
    return never_closed();
}

Result<std::string> GrubWords::word(const GrubVariables& variables) {
    std::string result;
    while (!rest_.empty() && !ends_word(rest_.front())) {
        char c = take();
        if (c == '\'') {
            std::size_t end = rest_.find('\'');
            if (end == std::string_view::npos) return never_closed();
            result += rest_.substr(0, end);
            rest_.remove_prefix(end + 1);
        } else if (c == '"') {
            OSIEKIT_TRY(quoted(result, variables));
        } else if (c == '$') {
            variable(result, variables);
        } else if (c == '\\' && !rest_.empty()) {
            if (char next = take(); next != '\n') result += next;
        } else {
            result += c;
        }
        OSIEKIT_TRY(check(result));
    }
    return result;
}

Result<std::vector<std::string>> GrubWords::next(const GrubVariables& variables) {
    std::vector<std::string> words;
    before_ = 0;
    while (!rest_.empty()) {
        if (!skip_blanks()) {
            if (!rest_.empty()) rest_.remove_prefix(1);
            if (!words.empty()) return words;
            continue;
        }
        bool brace = (rest_.front() == '{' || rest_.front() == '}') &&
                     (rest_.size() == 1 || ends_word(rest_[1]));
        // A closing one ends the statement before it, too.
        if (brace && rest_.front() == '}' && !words.empty()) return words;
        OSIEKIT_ASSIGN(std::string found, word(variables));
        before_ += found.size();
        words.push_back(std::move(found));
        if (brace) return words;
    }
    return words;
}

}  // namespace osiekit::images::kexec
