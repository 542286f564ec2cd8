#include "lib/oci/reference.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::oci {
namespace {

constexpr std::string_view default_registry = "docker.io";

bool lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool word(char c) {
    return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

// [a-z0-9]+ joined by '.', '_', '__' or any number of '-'.
bool valid_component(std::string_view part) {
    if (part.empty() || !lower_or_digit(part.front()) || !lower_or_digit(part.back())) return false;
    for (std::size_t i = 0; i < part.size();) {
        if (lower_or_digit(part[i])) {
            ++i;
            continue;
        }
        std::size_t end = i;
        while (end < part.size() && part[end] == part[i]) ++end;
        std::size_t run = end - i;
        std::size_t allowed = part[i] == '.' ? 1 : part[i] == '_' ? 2 : part[i] == '-' ? run : 0;
        if (run > allowed || !lower_or_digit(part[end])) return false;
        i = end;
    }
    return true;
}

bool valid_repository(std::string_view repository) {
    auto parts = split(repository, '/');
    return std::all_of(parts.begin(), parts.end(), valid_component);
}

bool valid_port(std::string_view port) {
    auto number = parse_u64(port);
    return number && *number > 0 && *number <= 65535;
}

bool valid_registry(std::string_view registry) {
    std::string_view host = registry;
    if (!registry.empty() && registry.front() == '[') {
        std::size_t close = registry.find(']');
        if (close == std::string_view::npos || close < 2) return false;
        std::string_view inside = registry.substr(1, close - 1);
        if (inside.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
            return false;
        std::string_view rest = registry.substr(close + 1);
        return rest.empty() || (rest.front() == ':' && valid_port(rest.substr(1)));
    }
    if (std::size_t colon = host.find(':'); colon != std::string_view::npos) {
        if (!valid_port(host.substr(colon + 1))) return false;
        host = host.substr(0, colon);
    }
    if (host.empty()) return false;
    auto labels = split(host, '.');
    return std::all_of(labels.begin(), labels.end(), [](std::string_view label) {
        return !label.empty() && label.front() != '-' && label.back() != '-' &&
               std::all_of(label.begin(), label.end(),
                           [](char c) { return (word(c) && c != '_') || c == '-'; });
    });
}

bool valid_tag(std::string_view tag) {
    return !tag.empty() && tag.size() <= Reference::max_tag_length && word(tag.front()) &&
           std::all_of(tag.begin(), tag.end(),
                       [](char c) { return word(c) || c == '.' || c == '-'; });
}

Error invalid(std::string_view text, const std::string& why) {
    return Error(ErrorKind::invalid_input,
                 "the image name \"" + printable(text) + "\" is not valid: " + why)
        .hint("write registry.example:5000/repository:tag or …/repository@sha256:…");
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
    Reference reference;
    std::string_view name = text;
    if (std::size_t at = name.find('@'); at != std::string_view::npos) {
        auto parsed = ContentDigest::parse(name.substr(at + 1));
        if (!parsed && parsed.error().kind() == ErrorKind::unsupported)
            return std::move(parsed).error().context("reading the image name \"" + printable(text) +
                                                     "\"");
        if (!parsed)
            return invalid(text,
                           "the digest must be sha256: and 64 hexadecimal digits, or sha512: "
                           "and 128");
        reference.digest = *parsed;
        name = name.substr(0, at);
    }
    std::size_t slash = name.find('/');
    std::string_view first = name.substr(0, slash);
    bool has_registry =
        slash != std::string_view::npos &&
        (first.find_first_of(".:[") != std::string_view::npos || first == "localhost");
    reference.registry = std::string(has_registry ? first : default_registry);
    std::string_view rest = has_registry ? name.substr(slash + 1) : name;
    if (std::size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
        reference.tag = std::string(rest.substr(colon + 1));
        rest = rest.substr(0, colon);
        if (!valid_tag(reference.tag))
            return invalid(text, "a tag is 1 to 128 letters, digits, '_', '.' or '-'");
    } else if (!reference.digest) {
        reference.tag = "latest";
    }
    reference.repository = std::string(rest);
    if (!valid_registry(reference.registry))
        return invalid(text, "the registry is not host[:port]");
    if (!valid_repository(rest))
        return invalid(text, "a repository is made of lower-case letters and digits");
    if (!has_registry && rest.find('/') == std::string_view::npos)
        reference.repository = "library/" + reference.repository;
    if (reference.registry.size() + 1 + reference.repository.size() > max_name_length)
        return invalid(text, "it is longer than 255 characters");
    return reference;
}

std::string Reference::api_host() const {
    return registry == default_registry ? "registry-1.docker.io" : registry;
}

std::string Reference::manifest_name() const {
    return digest ? digest->oci() : tag;
}

std::string Reference::to_string() const {
    std::string text = registry + "/" + repository;
    if (!tag.empty()) text += ":" + tag;
    if (digest) text += "@" + digest->oci();
    return text;
}

}  // namespace osiekit::oci
