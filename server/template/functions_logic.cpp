#include "server/template/functions.hpp"

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;
using Answer = Result<json>;

Result<bool> equal(const json& a, const json& b) {
    if (a.is_number() && b.is_number()) return a == b;
    if (a.is_null() || b.is_null() || kind_name(a) == kind_name(b)) return a == b;
    return bad_argument("a " + kind_name(a) + " cannot be compared with a " + kind_name(b));
}

// eq a b c: is a equal to one of the others?
Answer eq(const Arguments& a) {
    for (std::size_t i = 1; i < a.size(); ++i) {
        OSIEKIT_ASSIGN(bool same, equal(a.at(0), a.at(i)));
        if (same) return json(true);
    }
    return json(false);
}

Answer ne(const Arguments& a) {
    OSIEKIT_ASSIGN(bool same, equal(a.at(0), a.at(1)));
    return json(!same);
}

template <typename F>
Function ordering(F compare) {
    return {2, 2, [compare](const Arguments& a) -> Answer {
                const json& left = a.at(0);
                const json& right = a.at(1);
                bool numbers = left.is_number() && right.is_number();
                bool texts = left.is_string() && right.is_string();
                if (!numbers && !texts)
                    return bad_argument("a " + kind_name(left) + " and a " + kind_name(right) +
                                        " have no order");
                return json(compare(left, right));
            }};
}

Answer coalesce(const Arguments& a) {
    for (std::size_t i = 0; i < a.size(); ++i)
        if (is_true(a.at(i))) return a.at(i);
    return json(nullptr);
}

Answer count_true(const Arguments& a, bool want_all) {
    for (std::size_t i = 0; i < a.size(); ++i)
        if (is_true(a.at(i)) != want_all) return json(!want_all);
    return json(want_all);
}

Answer fail(const Arguments& a) {
    return bad_argument("the template says: " + a.any_text(0));
}

}  // namespace

void add_logic_functions(FunctionTable& table) {
    table["eq"] = {2, any_number, eq};
    table["ne"] = {2, 2, ne};
    table["lt"] = ordering([](const json& a, const json& b) { return a < b; });
    table["le"] = ordering([](const json& a, const json& b) { return a <= b; });
    table["gt"] = ordering([](const json& a, const json& b) { return b < a; });
    table["ge"] = ordering([](const json& a, const json& b) { return b <= a; });
    table["not"] = {1, 1, [](const Arguments& a) -> Answer { return json(!is_true(a.at(0))); }};
    table["default"] = {1, 2, [](const Arguments& a) -> Answer {
                            bool given = a.size() == 2 && is_true(a.at(1));
                            return a.at(given ? 1 : 0);
                        }};
    table["empty"] = {1, 1, [](const Arguments& a) -> Answer { return json(!is_true(a.at(0))); }};
    table["coalesce"] = {0, any_number, coalesce};
    table["all"] = {0, any_number, [](const Arguments& a) { return count_true(a, true); }};
    table["any"] = {0, any_number, [](const Arguments& a) { return count_true(a, false); }};
    table["ternary"] = {
        3, 3, [](const Arguments& a) -> Answer { return a.at(is_true(a.at(2)) ? 0 : 1); }};
    table["fail"] = {1, 1, fail};
    table["kindOf"] = {1, 1, [](const Arguments& a) -> Answer { return json(kind_name(a.at(0))); }};
    table["typeOf"] = table["kindOf"];
    table["kindIs"] = {2, 2, [](const Arguments& a) -> Answer {
                           return json(a.any_text(0) == kind_name(a.at(1)));
                       }};
}

}  // namespace osiekit::server::tmpl
