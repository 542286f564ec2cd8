#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "builder/lock/lock.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

using nlohmann::json;

namespace {

// A value of the file, and where it stands: "packages[3].size".
struct Place {
    const json& value;
    std::string path;

    Error bad(const std::string& message, ErrorKind kind = ErrorKind::invalid_input) const {
        return Error(kind, path.empty() ? message : path + ": " + message);
    }
};

// The members of a mapping, all of which must be there, and no others.
Status check_members(const Place& place, const std::vector<std::string>& keys) {
    if (!place.value.is_object()) return place.bad("a mapping is wanted here");
    for (const auto& [key, value] : place.value.items())
        if (std::find(keys.begin(), keys.end(), key) == keys.end())
            return place.bad("unknown key \"" + printable(key) + "\"");
    for (const std::string& key : keys)
        if (!place.value.contains(key)) return place.bad("the key \"" + key + "\" is missing");
    return {};
}

Place member(const Place& place, const std::string& key) {
    return {place.value.at(key), place.path.empty() ? key : place.path + "." + key};
}

// One line of text without control characters.
Result<std::string> read_text(const Place& place, bool may_be_empty = false) {
    if (!place.value.is_string()) return place.bad("a text is wanted here");
    auto text = place.value.get<std::string>();
    if (text.size() > longest_locked_text)
        return place.bad("longer than " + std::to_string(longest_locked_text) + " bytes",
                         ErrorKind::limit);
    if (text.empty() && !may_be_empty) return place.bad("it is empty");
    for (char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return place.bad("a control character in \"" + printable(text) + "\"");
    return text;
}

Result<std::uint64_t> read_number(const Place& place, std::uint64_t highest) {
    if (!place.value.is_number_unsigned())
        return place.bad("a whole number without sign is wanted here");
    auto number = place.value.get<std::uint64_t>();
    if (number > highest)
        return place.bad("more than " + std::to_string(highest), ErrorKind::limit);
    return number;
}

Result<Sha256> read_digest(const Place& place) {
    OSIEKIT_ASSIGN(std::string text, read_text(place));
    auto digest = Sha256::parse(text);
    if (!digest || digest->hex() != text)
        return place.bad("\"" + printable(text) + "\" is no SHA-256 in lower case");
    return *digest;
}

// Below a mirror's root, and nowhere else.
Result<std::string> read_location(const Place& place) {
    OSIEKIT_ASSIGN(std::string text, read_text(place));
    for (std::string_view part : split(text, '/'))
        if (part.empty() || part == "." || part == "..")
            return place.bad("\"" + printable(text) + "\" is no path below a mirror's root");
    if (text.find_first_of("\\?#") != std::string::npos)
        return place.bad("\"" + printable(text) + "\" is no path below a mirror's root");
    return text;
}

Result<std::vector<Place>> read_list(const Place& place) {
    if (!place.value.is_array()) return place.bad("a list is wanted here");
    if (place.value.size() > most_locked)
        return place.bad("more than " + std::to_string(most_locked) + " entries", ErrorKind::limit);
    std::vector<Place> items;
    for (std::size_t i = 0; i < place.value.size(); ++i)
        items.push_back({place.value[i], place.path + "[" + std::to_string(i) + "]"});
    return items;
}

Result<std::vector<LockedDigest>> read_digests(const Place& place) {
    std::vector<LockedDigest> digests;
    std::set<std::string> seen;
    OSIEKIT_ASSIGN(auto items, read_list(place));
    for (const Place& item : items) {
        OSIEKIT_TRY(check_members(item, {"name", "sha256"}));
        LockedDigest digest;
        OSIEKIT_ASSIGN(digest.name, read_text(member(item, "name")));
        OSIEKIT_ASSIGN(digest.digest, read_digest(member(item, "sha256")));
        if (!seen.insert(digest.name).second)
            return item.bad("\"" + printable(digest.name) + "\" occurs twice");
        digests.push_back(std::move(digest));
    }
    return digests;
}

Result<std::vector<LockedRequest>> read_requests(const Place& place) {
    std::vector<LockedRequest> requests;
    OSIEKIT_ASSIGN(auto items, read_list(place));
    for (const Place& item : items) {
        OSIEKIT_TRY(check_members(item, {"list", "name"}));
        LockedRequest request;
        OSIEKIT_ASSIGN(request.list, read_text(member(item, "list")));
        OSIEKIT_ASSIGN(request.name, read_text(member(item, "name")));
        requests.push_back(std::move(request));
    }
    return requests;
}

Result<LockedPackage> read_package(const Place& item) {
    OSIEKIT_TRY(check_members(
        item, {"system", "name", "version", "architecture", "uses", "suite", "component",
               "location", "source", "source_version", "license", "identity", "size", "sha256"}));
    LockedPackage package;
    OSIEKIT_ASSIGN(package.system, read_text(member(item, "system")));
    OSIEKIT_ASSIGN(package.name, read_text(member(item, "name")));
    OSIEKIT_ASSIGN(package.version, read_text(member(item, "version")));
    OSIEKIT_ASSIGN(package.architecture, read_text(member(item, "architecture")));
    OSIEKIT_ASSIGN(auto uses, read_list(member(item, "uses")));
    for (const Place& use : uses) {
        OSIEKIT_ASSIGN(std::string text, read_text(use));
        if (text != "kernel" && text != "image")
            return use.bad("unknown use \"" + printable(text) + "\"");
        if (std::find(package.uses.begin(), package.uses.end(), text) != package.uses.end())
            return use.bad("\"" + text + "\" occurs twice");
        package.uses.push_back(std::move(text));
    }
    if (package.uses.empty()) return member(item, "uses").bad("it is empty");
    for (auto [key, text] :
         {std::pair{"suite", &package.suite}, std::pair{"component", &package.component},
          std::pair{"source", &package.source},
          std::pair{"source_version", &package.source_version},
          std::pair{"license", &package.license}, std::pair{"identity", &package.identity}}) {
        OSIEKIT_ASSIGN(*text, read_text(member(item, key), true));
    }
    OSIEKIT_ASSIGN(package.location, read_location(member(item, "location")));
    OSIEKIT_ASSIGN(package.size, read_number(member(item, "size"), largest_locked));
    OSIEKIT_ASSIGN(package.digest, read_digest(member(item, "sha256")));
    return package;
}

Result<std::vector<LockedPackage>> read_packages(const Place& place) {
    std::vector<LockedPackage> packages;
    std::set<std::tuple<std::string, std::string, std::string, std::string>> seen;
    OSIEKIT_ASSIGN(auto items, read_list(place));
    for (const Place& item : items) {
        OSIEKIT_ASSIGN(LockedPackage package, read_package(item));
        if (!seen.emplace(package.system, package.name, package.version, package.architecture)
                 .second)
            return item.bad("the package " + printable(package.name) + " occurs twice");
        packages.push_back(std::move(package));
    }
    return packages;
}

Result<Lock> read_document(const json& document) {
    Place root{document, ""};
    if (!document.is_object()) return root.bad("it is not a lock file");
    if (document.contains("format")) {
        OSIEKIT_ASSIGN(std::uint64_t format, read_number(member(root, "format"), 1'000'000));
        if (format != lock_format)
            return Error(ErrorKind::unsupported, "it has the format " + std::to_string(format) +
                                                     ", and only " + std::to_string(lock_format) +
                                                     " is known")
                .hint("make it anew with this version: osiekit lock PROFILE");
    }
    OSIEKIT_TRY(check_members(
        root, {"format", "profile", "architecture", "builder", "compression", "library", "mtime",
               "keys", "variables", "files", "programs", "requests", "packages"}));
    Lock lock;
    LockInputs& inputs = lock.inputs;
    OSIEKIT_ASSIGN(inputs.profile, read_text(member(root, "profile")));
    OSIEKIT_ASSIGN(inputs.architecture, read_text(member(root, "architecture")));
    OSIEKIT_ASSIGN(inputs.builder, read_text(member(root, "builder")));
    OSIEKIT_ASSIGN(inputs.compression, read_text(member(root, "compression")));
    OSIEKIT_ASSIGN(inputs.library, read_text(member(root, "library"), true));
    OSIEKIT_ASSIGN(std::uint64_t mtime, read_number(member(root, "mtime"), 0xffffffffU));
    inputs.mtime = static_cast<std::uint32_t>(mtime);
    OSIEKIT_ASSIGN(inputs.keys, read_digests(member(root, "keys")));
    OSIEKIT_ASSIGN(inputs.variables, read_digests(member(root, "variables")));
    OSIEKIT_ASSIGN(inputs.files, read_digests(member(root, "files")));
    OSIEKIT_ASSIGN(inputs.programs, read_digests(member(root, "programs")));
    OSIEKIT_ASSIGN(inputs.requests, read_requests(member(root, "requests")));
    OSIEKIT_ASSIGN(lock.packages, read_packages(member(root, "packages")));
    return lock;
}

// Refuses a key that stands twice in a mapping, of which the parser would take the last.
class KeyWatch final : public nlohmann::json_sax<json> {
  public:
    bool null() override { return step(); }
    bool boolean(bool) override { return step(); }
    bool number_integer(json::number_integer_t) override { return step(); }
    bool number_unsigned(json::number_unsigned_t) override { return step(); }
    bool number_float(json::number_float_t, const std::string&) override { return step(); }
    bool string(std::string&) override { return step(); }
    bool binary(json::binary_t&) override { return step(); }
    bool start_object(std::size_t) override {
        seen_.emplace_back();
        return start();
    }
    bool key(std::string& name) override {
        if (!seen_.back().insert(name).second) repeated = name;
        return step();
    }
    bool end_object() override {
        seen_.pop_back();
        return end();
    }
    bool start_array(std::size_t) override { return start(); }
    bool end_array() override { return end(); }
    bool parse_error(std::size_t, const std::string&, const json::exception&) override {
        return false;  // the parser proper says where
    }
    std::string repeated;
    bool too_deep = false;

  private:
    bool step() {
        if (depth_ > deepest_lock) too_deep = true;
        return !too_deep;
    }
    bool start() {
        bool well = step();
        ++depth_;
        return well;
    }
    bool end() {
        --depth_;
        return true;
    }
    std::size_t depth_ = 0;
    std::vector<std::set<std::string>> seen_;
};

std::size_t line_at(std::string_view text, std::size_t byte) {
    std::string_view before = text.substr(0, std::min(byte, text.size()));
    return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

}  // namespace

Result<Lock> parse_lock(std::string_view text, const std::string& name) {
    constexpr const char* advice = "make it anew: osiekit lock PROFILE";
    if (text.size() > largest_lock)
        return Error(ErrorKind::limit,
                     name + ": larger than " + std::to_string(largest_lock) + " bytes");
    KeyWatch watch;
    try {
        json::sax_parse(text, &watch);
        if (watch.too_deep)
            return Error(ErrorKind::limit,
                         name + ": nested deeper than " + std::to_string(deepest_lock) + " levels");
        if (!watch.repeated.empty())
            return Error(ErrorKind::invalid_input,
                         name + ": the key \"" + printable(watch.repeated) + "\" occurs twice")
                .hint(advice);
        json document = json::parse(text);
        auto lock = read_document(document);
        if (lock) return lock;
        Error error(lock.error().kind(), name + ": " + lock.error().message());
        std::string hint = lock.error().hint().empty() ? advice : lock.error().hint();
        return std::move(error).hint(hint);
    } catch (const json::parse_error& error) {
        return Error(ErrorKind::invalid_input,
                     name + ":" + std::to_string(line_at(text, error.byte)) + ": it is not JSON")
            .hint(advice);
    } catch (const json::exception& error) {
        return Error(ErrorKind::invalid_input, name + ": " + error.what()).hint(advice);
    }
}

}  // namespace osiekit::builder
