#include "lib/base/error.hpp"

#include <cstring>

namespace osiekit {

std::string_view to_string(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::invalid_input:
            return "invalid-input";
        case ErrorKind::not_found:
            return "not-found";
        case ErrorKind::io:
            return "io";
        case ErrorKind::network:
            return "network";
        case ErrorKind::refused:
            return "refused";
        case ErrorKind::limit:
            return "limit";
        case ErrorKind::digest:
            return "digest";
        case ErrorKind::unsupported:
            return "unsupported";
        case ErrorKind::cancelled:
            return "cancelled";
        case ErrorKind::internal:
            return "internal";
    }
    return "internal";
}

Error Error::from_errno(std::string message, int number) {
    Error error(number == ENOENT ? ErrorKind::not_found : ErrorKind::io,
                std::move(message) + ": " + std::strerror(number));
    error.number_ = number;
    return error;
}

Error&& Error::context(std::string attempted) && {
    contexts_.push_back(std::move(attempted));
    return std::move(*this);
}

Error&& Error::hint(std::string advice) && {
    if (hint_.empty()) hint_ = std::move(advice);
    return std::move(*this);
}

std::string Error::to_string() const {
    std::string text;
    for (auto it = contexts_.rbegin(); it != contexts_.rend(); ++it) text += *it + ": ";
    text += message_;
    if (!hint_.empty()) text += " (hint: " + hint_ + ")";
    return text;
}

int exit_status(const Error& error) {
    if (error.kind() == ErrorKind::invalid_input) return 2;
    if (error.kind() == ErrorKind::cancelled) return 130;
    return 1;
}

}  // namespace osiekit
