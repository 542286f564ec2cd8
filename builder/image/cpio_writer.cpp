#include "builder/image/cpio_writer.hpp"

#include <sys/stat.h>

#include <array>
#include <cstdio>

namespace osiekit::builder {

namespace {

std::uint32_t type_bits(EntryType type) {
    switch (type) {
        case EntryType::directory:
            return S_IFDIR;
        case EntryType::symlink:
            return S_IFLNK;
        case EntryType::character_device:
            return S_IFCHR;
        case EntryType::block_device:
            return S_IFBLK;
        case EntryType::file:
            break;
    }
    return S_IFREG;
}

void append_hex(std::string& text, std::uint32_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (int shift = 28; shift >= 0; shift -= 4)
        text += digits[(value >> static_cast<unsigned>(shift)) & 0xfU];
}

}  // namespace

Status CpioWriter::put(std::string_view bytes) {
    offset_ += bytes.size();
    return sink_(bytes);
}

Status CpioWriter::pad() {
    static constexpr std::string_view zeros("\0\0\0", 3);
    std::size_t missing = (4 - offset_ % 4) % 4;
    return missing == 0 ? Status() : put(zeros.substr(0, missing));
}

Status CpioWriter::header(std::string_view path, const Entry& entry, std::uint32_t inode,
                          std::uint32_t links, std::uint64_t size) {
    std::string text = "070701";
    for (std::uint32_t field :
         {inode, type_bits(entry.type) | (entry.mode & 07777U), entry.uid, entry.gid, links, mtime_,
          static_cast<std::uint32_t>(size), 0U, 0U, entry.major, entry.minor,
          static_cast<std::uint32_t>(path.size() + 1), 0U})
        append_hex(text, field);
    text += path;
    text += '\0';
    OSIEKIT_TRY(put(text));
    return pad();
}

Status CpioWriter::add(const std::string& path, const Entry& entry, std::uint32_t links) {
    std::uint64_t size = 0;
    if (entry.type == EntryType::file) size = entry.content.size();
    if (entry.type == EntryType::symlink) size = entry.target.size();
    if (size > largest_cpio_file)
        return Error(ErrorKind::limit, "/" + path + " from " + entry.origin + " has " +
                                           std::to_string(size) +
                                           " bytes; an initramfs takes files below 4 GiB");
    if (path.empty() || path.size() > longest_path)
        return Error(ErrorKind::limit, "a path of " + std::to_string(path.size()) +
                                           " bytes does not fit into an initramfs");
    bool grouped = entry.type == EntryType::file && !entry.link_group.empty() && links > 1;
    std::uint32_t inode = next_inode_;
    bool first = true;
    if (grouped) {
        auto [position, is_new] = inode_of_group_.try_emplace(entry.link_group, inode);
        inode = position->second;
        first = is_new;
    }
    if (first) ++next_inode_;
    std::uint32_t count = entry.type == EntryType::directory ? 2 : (grouped ? links : 1);
    if (!first) return header(path, entry, inode, count, 0);
    OSIEKIT_TRY(header(path, entry, inode, count, size));
    if (entry.type == EntryType::symlink) OSIEKIT_TRY(put(entry.target));
    if (entry.type == EntryType::file)
        OSIEKIT_TRY(entry.content.read([this](std::string_view piece) { return put(piece); })
                        .context("/" + path + " from " + entry.origin));
    return pad();
}

Status CpioWriter::finish() {
    Entry trailer;
    std::uint32_t mtime = std::exchange(mtime_, 0);
    trailer.mode = 0;
    OSIEKIT_TRY(header("TRAILER!!!", trailer, 0, 1, 0));
    mtime_ = mtime;
    return pad();
}

Status write_cpio(const Tree::Entries& entries, std::uint32_t mtime, std::string_view last,
                  const ByteSink& sink) {
    std::map<std::string_view, std::uint32_t> links;
    for (const auto& [path, entry] : entries)
        if (!entry.link_group.empty()) ++links[entry.link_group];
    auto count = [&](const Entry& entry) {
        return entry.link_group.empty() ? 1 : links[entry.link_group];
    };
    CpioWriter writer(sink, mtime);
    const Entry* final_entry = nullptr;
    for (const auto& [path, entry] : entries) {
        if (!last.empty() && path == last) {
            final_entry = &entry;
            continue;
        }
        OSIEKIT_TRY(writer.add(path, entry, count(entry)));
    }
    if (final_entry != nullptr)
        OSIEKIT_TRY(writer.add(std::string(last), *final_entry, count(*final_entry)));
    return writer.finish();
}

}  // namespace osiekit::builder
