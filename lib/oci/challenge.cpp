#include "lib/oci/challenge.hpp"

#include "lib/base/text.hpp"

namespace osiekit::oci {
namespace {

bool token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~/").find(c) != std::string_view::npos;
}

class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }
    void skip(std::string_view characters) {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size()));
    }
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view token() {
        std::size_t end = 0;
        while (end < rest_.size() && token_char(rest_[end])) ++end;
        std::string_view found = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return found;
    }
    // A token or a quoted string.
    std::string value() {
        if (!take('"')) return std::string(token());
        std::string text;
        while (!rest_.empty() && !take('"')) {
            if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
            text += rest_.front();
            rest_.remove_prefix(1);
        }
        return text;
    }
    // True if what follows is `name =`, not the scheme of the next challenge.
    bool parameter_follows() const {
        Scanner ahead(rest_);
        if (ahead.token().empty()) return false;
        ahead.skip(" \t");
        return ahead.take('=');
    }

  private:
    std::string_view rest_;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
    std::vector<Challenge> challenges;
    Scanner scanner(header);
    for (scanner.skip(" \t,"); !scanner.at_end(); scanner.skip(" \t,")) {
        if (!scanner.parameter_follows()) {
            std::string_view scheme = scanner.token();
            if (scheme.empty()) break;
            challenges.push_back({to_lower(scheme), {}});
            continue;
        }
        std::string name = to_lower(scanner.token());
        scanner.skip(" \t");
        scanner.take('=');
        scanner.skip(" \t");
        std::string value = scanner.value();
        if (challenges.empty()) break;
        challenges.back().parameters.emplace(std::move(name), std::move(value));
    }
    return challenges;
}

}  // namespace osiekit::oci
