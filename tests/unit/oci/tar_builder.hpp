#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

// Makes tar archives by hand, the impossible ones too.
class TarBuilder {
  public:
    TarBuilder& entry(const std::string& name, char type, std::string_view data = {},
                      const std::string& target = {}, unsigned mode = 0644, unsigned uid = 0,
                      unsigned major = 0, unsigned minor = 0) {
        header(name, type, data.size(), target, mode, uid, major, minor);
        bytes_ += data;
        bytes_.append((512 - data.size() % 512) % 512, '\0');
        return *this;
    }
    // Without the content.
    TarBuilder& header(const std::string& name, char type, std::uint64_t size,
                       const std::string& target = {}, unsigned mode = 0644, unsigned uid = 0,
                       unsigned major = 0, unsigned minor = 0) {
        pax_at_ = std::string::npos;
        std::array<char, 512> header{};
        auto put = [&](std::size_t at, std::size_t room, std::string_view text) {
            std::memcpy(header.data() + at, text.data(), std::min(room, text.size()));
        };
        auto octal = [&](std::size_t at, std::size_t room, std::uint64_t value) {
            // Octal digits, the last byte of the field stays zero.
            for (std::size_t i = room - 1; i-- > 0; value /= 8)
                header[at + i] = static_cast<char>('0' + value % 8);
        };
        put(0, 100, name);
        octal(100, 8, mode);
        octal(108, 8, uid);
        octal(116, 8, uid);
        if (size < 1ULL << 33U) {
            octal(124, 12, size);
        } else {  // base 256
            header[124] = static_cast<char>(0x80);
            for (std::size_t i = 0; i < 8; ++i)
                header[135 - i] = static_cast<char>((size >> (8 * i)) & 0xffU);
        }
        octal(136, 12, 1700000000);
        std::memset(header.data() + 148, ' ', 8);
        header[156] = type;
        put(157, 100, target);
        put(257, 8, std::string_view("ustar\00000", 8));
        octal(329, 8, major);
        octal(337, 8, minor);
        unsigned sum = 0;
        for (char c : header) sum += static_cast<unsigned char>(c);
        octal(148, 7, sum);
        bytes_.append(header.data(), header.size());
        return *this;
    }
    TarBuilder& file(const std::string& name, std::string_view data, unsigned mode = 0644,
                     unsigned uid = 0) {
        return entry(name, '0', data, {}, mode, uid);
    }
    TarBuilder& directory(const std::string& name, unsigned mode = 0755) {
        return entry(name, '5', {}, {}, mode);
    }
    TarBuilder& symlink(const std::string& name, const std::string& target) {
        return entry(name, '2', {}, target, 0777);
    }
    TarBuilder& hard_link(const std::string& name, const std::string& target) {
        return entry(name, '1', {}, target);
    }
    // A PAX record for the next entry.
    TarBuilder& pax(const std::string& key, const std::string& value) {
        return records(record(key, value));
    }
    // One more, behind pax().
    TarBuilder& pax_more(const std::string& key, const std::string& value) {
        std::string all = records_ + record(key, value);
        bytes_.resize(pax_at_);
        return records(all);
    }
    const std::string& bytes() const { return bytes_; }
    std::string finish() const { return bytes_ + std::string(1024, '\0'); }

  private:
    static std::string record(const std::string& key, const std::string& value) {
        std::string rest = " " + key + "=" + value + "\n";
        std::size_t length = rest.size() + 1;
        while (std::to_string(length).size() + rest.size() != length) ++length;
        return std::to_string(length) + rest;
    }
    TarBuilder& records(const std::string& all) {
        std::size_t at = bytes_.size();
        entry("pax", 'x', all);
        pax_at_ = at;
        records_ = all;
        return *this;
    }

    std::string bytes_;
    std::string records_;
    std::size_t pax_at_ = std::string::npos;
};
