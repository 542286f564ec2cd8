#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "server/template/value.hpp"

namespace osiekit::server::tmpl {

// Largest text and list that one function may make.
constexpr std::size_t max_function_text = 256U << 10U;
constexpr std::int64_t max_function_list = 65'536;

// The arguments of one call, with readers that explain what is wrong. Errors carry no line; the
// evaluator adds it.
class Arguments {
  public:
    explicit Arguments(const std::vector<Value>& values) : values_(values) {}
    std::size_t size() const { return values_.size(); }
    const nlohmann::json& at(std::size_t i) const { return *values_[i]; }
    Result<std::string> text(std::size_t i) const;      // a string
    std::string any_text(std::size_t i) const;          // any value, printed
    Result<std::int64_t> integer(std::size_t i) const;  // numbers, and texts of digits
    Result<double> real(std::size_t i) const;
    Result<const nlohmann::json*> list(std::size_t i) const;
    Result<const nlohmann::json*> map(std::size_t i) const;

  private:
    Error wrong(std::size_t i, const char* wanted) const;
    const std::vector<Value>& values_;
};

struct Function {
    std::size_t least = 0;
    std::size_t most = 0;
    std::function<Result<nlohmann::json>(const Arguments&)> call;
};

using FunctionTable = std::map<std::string, Function, std::less<>>;
constexpr std::size_t any_number = 1'000;

// Each file of functions adds its own.
void add_text_functions(FunctionTable& table);
void add_collection_functions(FunctionTable& table);
void add_logic_functions(FunctionTable& table);
void add_number_functions(FunctionTable& table);
void add_encoding_functions(FunctionTable& table);

// The function, or nullptr. "and" and "or" are the evaluator's own, as they stop early.
const Function* find_function(std::string_view name);
// Success if the name can be called.
Status check_function(std::string_view name, int line);

// Go's fmt.Sprintf over JSON values. Unlike Go, a verb that does not fit its value is an error.
Result<std::string> format(const std::string& pattern, const Arguments& arguments,
                           std::size_t first);

Error bad_argument(const std::string& what);

}  // namespace osiekit::server::tmpl
