#include "builder/tree.hpp"

#include <array>
#include <utility>
#include <vector>

#include "builder/local_file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr int most_symlinks = 40;  // as the kernel's MAXSYMLINKS

bool same_attributes(const Entry& a, const Entry& b) {
    return a.type == b.type && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
           a.target == b.target && a.major == b.major && a.minor == b.minor;
}

bool identical(const Entry& a, const Entry& b) {
    if (!same_attributes(a, b)) return false;
    if (a.type != EntryType::file) return true;
    if (a.content.size() != b.content.size()) return false;
    if (!a.content.at_hand() || !b.content.at_hand()) return false;
    auto left = a.content.load();
    auto right = b.content.load();
    return left && right && *left == *right;
}

Error conflict(const std::string& path, const Entry& first, const Entry& second) {
    if (first.type != second.type)
        return Error(ErrorKind::invalid_input,
                     "/" + path + " is a " + std::string(to_string(first.type)) + " from " +
                         first.origin + " and a " + std::string(to_string(second.type)) + " from " +
                         second.origin);
    return Error(ErrorKind::invalid_input, "/" + path + " comes from " + first.origin +
                                               " and, different, from " + second.origin)
        .hint("leave one of them out");
}

}  // namespace

FileContent FileContent::bytes(std::string content) {
    auto shared = std::make_shared<const std::string>(std::move(content));
    return lazy(shared->size(), [shared](const ByteSink& sink) { return sink(*shared); });
}

Result<FileContent> FileContent::file(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(auto local, LocalFile::open(path));
    FileContent content =
        lazy(local->size(), [local](const ByteSink& sink) { return local->read(sink); });
    content.local_ = std::move(local);
    return content;
}

FileContent FileContent::lazy(std::uint64_t size, Reader reader) {
    FileContent content;
    content.size_ = size;
    content.reader_ = std::move(reader);
    return content;
}

FileContent FileContent::opaque(std::uint64_t size) {
    return lazy(size, nullptr);
}

Status FileContent::read(const ByteSink& sink) const {
    if (size_ == 0) return {};
    if (!reader_) return Error(ErrorKind::internal, "content is not at hand");
    std::uint64_t given = 0;
    OSIEKIT_TRY(reader_([&](std::string_view piece) {
        given += piece.size();
        return sink(piece);
    }));
    if (given != size_)
        return Error(ErrorKind::internal,
                     "expected " + std::to_string(size_) + " bytes, got " + std::to_string(given));
    return {};
}

Result<std::string> FileContent::load() const {
    std::string bytes;
    bytes.reserve(size_);
    OSIEKIT_TRY(read([&](std::string_view piece) {
        bytes += piece;
        return Status();
    }));
    return bytes;
}

Result<Sha256> FileContent::digest() const {
    if (local_) return local_->digest();
    Sha256Stream stream;
    OSIEKIT_TRY(read([&](std::string_view piece) {
        stream.update(piece);
        return Status();
    }));
    return stream.finish();
}

namespace {
constexpr std::array<std::pair<EntryType, std::string_view>, 5> type_names = {{
    {EntryType::directory, "directory"},
    {EntryType::file, "file"},
    {EntryType::symlink, "symlink"},
    {EntryType::character_device, "character device"},
    {EntryType::block_device, "block device"},
}};
}  // namespace

std::string_view to_string(EntryType type) {
    for (const auto& [value, name] : type_names)
        if (value == type) return name;
    return "unknown";
}

bool parse_entry_type(std::string_view text, EntryType& type) {
    for (const auto& [value, name] : type_names) {
        if (name != text) continue;
        type = value;
        return true;
    }
    return false;
}

Entry Entry::directory(std::string origin, std::uint32_t mode) {
    Entry entry;
    entry.type = EntryType::directory;
    entry.mode = mode;
    entry.origin = std::move(origin);
    return entry;
}

Entry Entry::file(FileContent content, std::string origin, std::uint32_t mode) {
    Entry entry;
    entry.mode = mode;
    entry.content = std::move(content);
    entry.origin = std::move(origin);
    return entry;
}

Entry Entry::symlink(std::string target, std::string origin) {
    Entry entry;
    entry.type = EntryType::symlink;
    entry.mode = 0777;
    entry.target = std::move(target);
    entry.origin = std::move(origin);
    return entry;
}

Entry Entry::device(std::uint32_t major, std::uint32_t minor, std::uint32_t mode,
                    std::string origin) {
    Entry entry;
    entry.type = EntryType::character_device;
    entry.mode = mode;
    entry.major = major;
    entry.minor = minor;
    entry.origin = std::move(origin);
    return entry;
}

Result<std::string> checked_path(std::string_view path) {
    auto bad = [&](const std::string& why, ErrorKind kind = ErrorKind::invalid_input) {
        return Error(kind, "the path \"" + printable(path) + "\" " + why);
    };
    std::string_view rest = path;
    if (rest.starts_with('/')) rest.remove_prefix(1);
    if (rest.empty()) return bad("names nothing");
    if (rest.size() > longest_path)
        return bad("is longer than " + std::to_string(longest_path) + " bytes", ErrorKind::limit);
    for (char c : rest)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return bad("has a control character");
    for (std::string_view part : split(rest, '/')) {
        if (part.empty()) return bad("has an empty part");
        if (part == "." || part == "..") return bad("has a part \"" + std::string(part) + "\"");
        if (part.size() > longest_path_part)
            return bad("has a part longer than " + std::to_string(longest_path_part) + " bytes",
                       ErrorKind::limit);
    }
    if (rest == "TRAILER!!!") return bad("is the name that ends a cpio archive");
    return std::string(rest);
}

bool leaves_root(std::string_view path, std::string_view target) {
    auto parts = split(path, '/');
    // Of the folder that the link is in; an absolute target starts from the root.
    std::size_t depth = target.starts_with('/') ? 0 : parts.size() - 1;
    for (std::string_view part : split(target, '/')) {
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            ++depth;
        } else if (depth-- == 0) {
            return true;
        }
    }
    return false;
}

Status Tree::add_parents(const std::string& path, const std::string& origin) {
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        std::string parent = path.substr(0, slash);
        auto found = entries_.find(parent);
        if (found == entries_.end()) {
            Entry entry = Entry::directory(origin);
            entry.implied = true;
            entries_.emplace(std::move(parent), std::move(entry));
        } else if (found->second.type != EntryType::directory) {
            return Error(ErrorKind::invalid_input, "/" + path + " from " + origin + " is below /" +
                                                       parent + ", which is a " +
                                                       std::string(to_string(found->second.type)) +
                                                       " from " + found->second.origin);
        }
    }
    return {};
}

Status Tree::add(std::string_view path, Entry entry) {
    auto checked = checked_path(path);
    if (!checked) return std::move(checked).error().context(entry.origin);
    std::string name = std::move(checked).value();
    if (entry.type == EntryType::symlink &&
        (entry.target.empty() || entry.target.size() > longest_path ||
         entry.target.find('\0') != std::string::npos))
        return Error(ErrorKind::invalid_input, "/" + name + " from " + entry.origin +
                                                   " is a symlink with an unusable target");
    if (entry.type == EntryType::symlink && leaves_root(name, entry.target))
        return Error(ErrorKind::refused, "the symlink \"" + printable(name) + "\" from " +
                                             entry.origin + " to \"" + printable(entry.target) +
                                             "\" leads out of the root");
    OSIEKIT_TRY(add_parents(name, entry.origin));
    auto found = entries_.find(name);
    if (found == entries_.end()) {
        entries_.emplace(std::move(name), std::move(entry));
        return {};
    }
    Entry& present = found->second;
    if (present.type != entry.type) return conflict(name, present, entry);
    if (present.type == EntryType::directory && (present.implied || entry.implied)) {
        if (present.implied) present = std::move(entry);
        return {};
    }
    if (!identical(present, entry)) return conflict(name, present, entry);
    return {};
}

const Entry* Tree::find(std::string_view path) const {
    if (path.starts_with('/')) path.remove_prefix(1);
    auto found = entries_.find(path);
    return found == entries_.end() ? nullptr : &found->second;
}

std::optional<std::string> Tree::follow(std::string_view path,
                                        const std::function<void(const std::string&)>& link) const {
    int links = 0;
    std::vector<std::string> todo;  // parts still to walk, last first
    auto push = [&](std::string_view text) {
        auto parts = split(text, '/');
        for (auto part = parts.rbegin(); part != parts.rend(); ++part)
            if (!part->empty() && *part != ".") todo.emplace_back(*part);
    };
    push(path);
    std::string at;
    const Entry* entry = nullptr;
    while (!todo.empty()) {
        std::string part = std::move(todo.back());
        todo.pop_back();
        if (part == "..") {
            auto slash = at.rfind('/');
            at.resize(slash == std::string::npos ? 0 : slash);
            entry = at.empty() ? nullptr : find(at);
            continue;
        }
        std::string next = at.empty() ? part : at + "/" + part;
        entry = find(next);
        if (entry == nullptr) return std::nullopt;
        if (entry->type != EntryType::symlink) {
            at = std::move(next);
            continue;
        }
        if (link) link(next);
        if (++links > most_symlinks) return std::nullopt;
        if (entry->target.starts_with('/')) at.clear();
        push(entry->target);
        entry = at.empty() ? nullptr : find(at);
    }
    if (entry == nullptr) return std::nullopt;
    return at;
}

const Entry* Tree::resolve(std::string_view path) const {
    auto real = follow(path);
    return real ? find(*real) : nullptr;
}

}  // namespace osiekit::builder
