#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "lib/base/error.hpp"

namespace osiekit {

// A value or an Error. Reading the value of a failed result is a defect of ours and ends the
// program.
template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    bool ok() const { return state_.index() == 0; }

    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    Error& error() & { return std::get<1>(state_); }
    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

    // The same result, with one more line of context if it failed.
    Result context(std::string attempted) && {
        if (!ok()) return std::move(std::get<1>(state_)).context(std::move(attempted));
        return std::move(*this);
    }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const { return !error_; }
    bool ok() const { return !error_; }
    Error& error() & { return *error_; }
    const Error& error() const& { return *error_; }
    Error&& error() && { return *std::move(error_); }

    Result context(std::string attempted) && {
        if (error_) return std::move(*error_).context(std::move(attempted));
        return {};
    }

  private:
    std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace osiekit

// OSIEKIT_TRY(statement): returns the error of a failed Result<void> (or any Result whose value is
// not needed).
#define OSIEKIT_TRY(expression)                                  \
    do {                                                         \
        if (auto osiekit_result = (expression); !osiekit_result) \
            return std::move(osiekit_result).error();            \
    } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): declarations cannot be put in parentheses.
#define OSIEKIT_CONCAT_(a, b) a##b
#define OSIEKIT_CONCAT(a, b) OSIEKIT_CONCAT_(a, b)
#define OSIEKIT_ASSIGN_(temporary, declaration, expression) \
    auto temporary = (expression);                          \
    if (!temporary) return std::move(temporary).error();    \
    declaration = std::move(temporary).value()
// OSIEKIT_ASSIGN(auto x, expression): x takes the value, or the function returns the error.
#define OSIEKIT_ASSIGN(declaration, expression) \
    OSIEKIT_ASSIGN_(OSIEKIT_CONCAT(osiekit_result_, __LINE__), declaration, expression)
// NOLINTEND(bugprone-macro-parentheses)
