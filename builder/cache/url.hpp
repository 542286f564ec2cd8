#pragma once

#include <string>
#include <string_view>

namespace osiekit::builder {

// A URL taken apart from the credentials it carried; these are percent-decoded.
struct PlainUrl {
    std::string url;  // "https://host/path", fit for messages
    std::string user;
    std::string password;
};
PlainUrl split_credentials(std::string_view url);

// "http://user:secret@host/x" → "http://host/x".
std::string without_credentials(std::string_view url);

// "http" of "http://host/x", in lower case; empty if there is no "://".
std::string url_scheme(std::string_view url);
// "host" of "http://user@host:80/x".
std::string url_host(std::string_view url);

}  // namespace osiekit::builder
