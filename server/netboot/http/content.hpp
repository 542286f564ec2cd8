#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "server/netboot/http/target.hpp"
#include "server/netboot/netboot.hpp"

namespace osiekit::netboot::web {

// A body that has validators and of which ranges can be had: an open file, or bytes in memory.
struct Content {
    Fd file;
    std::shared_ptr<const std::string> memory;  // instead of the file
    std::uint64_t size = 0;
    std::string type = "application/octet-stream";
    std::string etag;          // with its quotes
    std::time_t modified = 0;  // 0: unknown
};

// Opens a regular file below `folder`. Links are followed as long as they stay inside. not_found
// for whatever is not to be served.
Result<Content> open_content(const std::filesystem::path& folder, const std::string& path);

Content memory_content(std::shared_ptr<const std::string> bytes);

// The headers that decide what of a Content is sent; empty: absent.
struct Conditions {
    std::string_view range;
    std::string_view if_range;
    std::string_view if_none_match;
    std::string_view if_modified_since;
};

// 200, 206, 304 or 416, and the bytes to send (RFC 9110 section 13.2.2).
struct Selection {
    int status = 200;
    Range range;
};
Selection select(const Content& content, const Conditions& conditions);

std::string http_date(std::time_t time);
std::time_t parse_http_date(std::string_view text);  // 0 when it is none

// What a route gives: a short answer, or content.
using Reply = std::variant<HttpAnswer, Content>;

HttpAnswer plain_answer(int status, std::string text);

}  // namespace osiekit::netboot::web
