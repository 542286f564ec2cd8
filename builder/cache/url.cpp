#include "builder/cache/url.hpp"

#include "lib/base/text.hpp"

namespace osiekit::builder {
namespace {

// The authority's place within the URL; npos, npos if there is none.
struct Range {
    std::size_t begin = std::string_view::npos;
    std::size_t end = std::string_view::npos;
};

Range authority(std::string_view url) {
    std::size_t at = url.find("://");
    if (at == std::string_view::npos) return {};
    std::size_t begin = at + 3;
    std::size_t end = url.find_first_of("/?#", begin);
    return {begin, end == std::string_view::npos ? url.size() : end};
}

std::string percent_decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            if (auto byte = from_hex(text.substr(i + 1, 2))) {
                result += *byte;
                i += 2;
                continue;
            }
        }
        result += text[i];
    }
    return result;
}

}  // namespace

PlainUrl split_credentials(std::string_view url) {
    Range range = authority(url);
    if (range.begin == std::string_view::npos) return {std::string(url), {}, {}};
    std::string_view host = url.substr(range.begin, range.end - range.begin);
    std::size_t at = host.rfind('@');
    if (at == std::string_view::npos) return {std::string(url), {}, {}};
    std::string_view user = host.substr(0, at);
    std::size_t colon = user.find(':');
    PlainUrl plain;
    plain.url = std::string(url.substr(0, range.begin)) + std::string(host.substr(at + 1)) +
                std::string(url.substr(range.end));
    plain.user = percent_decoded(user.substr(0, colon));
    if (colon != std::string_view::npos) plain.password = percent_decoded(user.substr(colon + 1));
    return plain;
}

std::string without_credentials(std::string_view url) {
    return split_credentials(url).url;
}

std::string url_scheme(std::string_view url) {
    std::size_t at = url.find("://");
    return at == std::string_view::npos ? std::string() : to_lower(url.substr(0, at));
}

std::string url_host(std::string_view url) {
    std::string plain = without_credentials(url);
    Range range = authority(plain);
    if (range.begin == std::string_view::npos) return {};
    std::string host =
        to_lower(std::string_view(plain).substr(range.begin, range.end - range.begin));
    std::size_t colon = host.rfind(':');
    bool bracketed = colon != std::string::npos && host.find(']', colon) != std::string::npos;
    return bracketed ? host : host.substr(0, colon);
}

}  // namespace osiekit::builder
