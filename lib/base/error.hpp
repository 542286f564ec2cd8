#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

namespace osiekit {

// What a program can decide by. The text is for people, the kind for code and for exit statuses.
enum class ErrorKind {
    invalid_input,  // somebody's file, flag, packet or document is wrong
    not_found,
    io,           // the operating system refused or failed
    network,      // a peer could not be reached, or broke off
    refused,      // a peer or a policy said no
    limit,        // a size, count or time beyond what we accept
    digest,       // bytes are not what they were declared to be
    unsupported,  // understood, but this build or kernel cannot
    cancelled,
    internal,  // our own fault
};

std::string_view to_string(ErrorKind kind);

// The one error type: what went wrong, a chain of what was being attempted, and what to do about
// it. Printed outermost first: "building profile x: fetching package y: connection refused (hint:
// …)".
class Error {
  public:
    Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

    // "MESSAGE: strerror(number)"; kind not_found for ENOENT, io for the rest.
    static Error from_errno(std::string message, int number = errno);

    // Adds what was being attempted; call as the error climbs.
    Error&& context(std::string attempted) &&;
    // Says what the reader can do; the innermost hint is kept.
    Error&& hint(std::string advice) &&;

    ErrorKind kind() const { return kind_; }
    int error_number() const { return number_; }
    const std::string& message() const { return message_; }
    const std::string& hint() const { return hint_; }
    const std::vector<std::string>& contexts() const { return contexts_; }  // innermost first

    std::string to_string() const;

  private:
    ErrorKind kind_;
    int number_ = 0;
    std::string message_;
    std::string hint_;
    std::vector<std::string> contexts_;
};

// Exit status of a program that ends with this error: 2 for invalid input, 130 for cancelled, 1
// otherwise.
int exit_status(const Error& error);

}  // namespace osiekit
