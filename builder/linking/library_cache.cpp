#include "builder/linking/library_cache.hpp"

#include <algorithm>
#include <string_view>

#include "builder/kernel/elf.hpp"

namespace osiekit::builder {

namespace {

constexpr std::string_view magic = "glibc-ld.so.cache1.1";
constexpr std::size_t header_size = 48;
constexpr std::size_t entry_size = 24;
constexpr char little_endian = 2;
constexpr std::uint32_t flags_x86_64 = 0x0303;   // FLAG_ELF_LIBC6 | FLAG_X8664_LIB64
constexpr std::uint32_t flags_aarch64 = 0x0a03;  // FLAG_ELF_LIBC6 | FLAG_AARCH64_LIB64

void put(std::string& bytes, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i, value >>= 8U) bytes += static_cast<char>(value & 0xffU);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// The number at `at`, which moves behind it. Longer ones wrap, as in glibc.
std::uint32_t take_number(const std::string& text, std::size_t& at) {
    std::uint32_t value = 0;
    for (; at < text.size() && is_digit(text[at]); ++at)
        value = value * 10 + static_cast<std::uint32_t>(text[at] - '0');
    return value;
}

}  // namespace

int compare_library_names(const std::string& a, const std::string& b) {
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size()) {
        bool other_digit = j < b.size() && is_digit(b[j]);
        if (is_digit(a[i]) != other_digit) return is_digit(a[i]) ? 1 : -1;
        if (other_digit) {
            auto x = static_cast<std::int32_t>(take_number(a, i));
            auto y = static_cast<std::int32_t>(take_number(b, j));
            if (x != y) return x < y ? -1 : 1;
            continue;
        }
        if (j == b.size()) return 1;
        if (a[i] != b[j])
            return static_cast<signed char>(a[i]) < static_cast<signed char>(b[j]) ? -1 : 1;
        ++i;
        ++j;
    }
    return j == b.size() ? 0 : -1;
}

std::string library_cache(const std::vector<CachedLibrary>& libraries, std::uint16_t machine) {
    std::vector<CachedLibrary> sorted = libraries;
    // The loader halves the table, from the highest name to the lowest.
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const CachedLibrary& x, const CachedLibrary& y) {
                         return compare_library_names(x.name, y.name) > 0;
                     });
    sorted.erase(std::unique(sorted.begin(), sorted.end(),
                             [](const CachedLibrary& x, const CachedLibrary& y) {
                                 return x.name == y.name;
                             }),
                 sorted.end());
    std::string strings;
    std::string entries;
    std::size_t strings_at = header_size + sorted.size() * entry_size;
    for (const CachedLibrary& library : sorted) {
        put(entries, machine == elf_machine_aarch64 ? flags_aarch64 : flags_x86_64, 4);
        put(entries, strings_at + strings.size(), 4);
        strings += library.name + '\0';
        put(entries, strings_at + strings.size(), 4);
        strings += library.path + '\0';
        put(entries, 0, 4);  // least version of the system
        put(entries, 0, 8);  // abilities of the processor: any
    }
    std::string bytes(magic);
    put(bytes, sorted.size(), 4);
    put(bytes, strings.size(), 4);
    bytes += little_endian;
    bytes.resize(header_size, '\0');  // no extensions
    return bytes + entries + strings;
}

}  // namespace osiekit::builder
