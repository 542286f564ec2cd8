#include <cmath>

#include "server/template/functions.hpp"

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;
using Answer = Result<json>;

Error overflow() {
    return {ErrorKind::limit, "the number is too large"};
}

// A function that folds whole numbers from left to right; `step` says false on overflow.
template <typename F>
Function fold(std::size_t least, F step) {
    return {least, any_number, [step](const Arguments& a) -> Answer {
                OSIEKIT_ASSIGN(std::int64_t sum, a.integer(0));
                for (std::size_t i = 1; i < a.size(); ++i) {
                    OSIEKIT_ASSIGN(std::int64_t next, a.integer(i));
                    if (!step(sum, next)) return overflow();
                }
                return json(sum);
            }};
}

template <typename F>
Function division(F operation) {
    return {2, 2, [operation](const Arguments& a) -> Answer {
                OSIEKIT_ASSIGN(std::int64_t top, a.integer(0));
                OSIEKIT_ASSIGN(std::int64_t bottom, a.integer(1));
                if (bottom == 0) return bad_argument("division by zero");
                if (top == INT64_MIN && bottom == -1) return overflow();
                return json(operation(top, bottom));
            }};
}

template <typename F>
Function of_real(F operation) {
    return {1, 1, [operation](const Arguments& a) -> Answer {
                OSIEKIT_ASSIGN(double value, a.real(0));
                return json(operation(value));
            }};
}

Answer round_to(const Arguments& a) {
    OSIEKIT_ASSIGN(double value, a.real(0));
    OSIEKIT_ASSIGN(auto digits, a.integer(1));
    if (digits < 0 || digits > 15) return bad_argument("0 to 15 digits");
    double scale = std::pow(10.0, static_cast<double>(digits));
    double scaled = std::round(value * scale);
    if (!std::isfinite(scaled)) return overflow();
    return json(scaled / scale);
}

}  // namespace

void add_number_functions(FunctionTable& table) {
    using Number = std::int64_t;
    table["add"] =
        fold(1, [](Number& sum, Number n) { return !__builtin_add_overflow(sum, n, &sum); });
    table["mul"] =
        fold(1, [](Number& sum, Number n) { return !__builtin_mul_overflow(sum, n, &sum); });
    table["sub"] =
        fold(2, [](Number& sum, Number n) { return !__builtin_sub_overflow(sum, n, &sum); });
    table["sub"].most = 2;
    table["max"] = fold(1, [](Number& sum, Number n) {
        sum = std::max(sum, n);
        return true;
    });
    table["min"] = fold(1, [](Number& sum, Number n) {
        sum = std::min(sum, n);
        return true;
    });
    table["add1"] = {1, 1, [](const Arguments& a) -> Answer {
                         OSIEKIT_ASSIGN(Number n, a.integer(0));
                         if (n == INT64_MAX) return overflow();
                         return json(n + 1);
                     }};
    table["div"] = division([](Number a, Number b) { return a / b; });
    table["mod"] = division([](Number a, Number b) { return a % b; });
    table["floor"] = of_real([](double v) { return std::floor(v); });
    table["ceil"] = of_real([](double v) { return std::ceil(v); });
    table["round"] = {2, 2, round_to};
    table["float64"] = of_real([](double v) { return v; });
    Function whole = {1, 1, [](const Arguments& a) -> Answer {
                          OSIEKIT_ASSIGN(Number n, a.integer(0));
                          return json(n);
                      }};
    for (const char* name : {"int", "int64", "atoi"}) table[name] = whole;
}

}  // namespace osiekit::server::tmpl
