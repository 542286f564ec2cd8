#include "builder/commands/progress_line.hpp"

#include <algorithm>
#include <vector>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t longest_name = 40;
constexpr std::size_t shortest_name = 8;  // of a longer one less says nothing
constexpr std::size_t wide_bar = 20;
constexpr std::size_t narrow_bar = 10;

bool begins_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
}

// Of UTF-8 with a column a character.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string cut(std::string_view text, std::size_t columns) {
    std::string result;
    for (char c : text) {
        if (begins_character(c) && columns-- == 0) break;
        result += c;
    }
    return result;
}

std::string bar(double part, std::size_t width) {
    auto filled = static_cast<std::size_t>(part * static_cast<double>(width));
    return " [" + std::string(filled, '#') + std::string(width - filled, ' ') + "]";
}

std::string percent(double part) {
    constexpr std::size_t digits = 4;
    std::string text = std::to_string(static_cast<int>(part * 100)) + "%";
    return std::string(digits - std::min(digits, text.size()), ' ') + text;
}

}  // namespace

std::string progress_text(const Progress& progress, double bytes_per_second) {
    std::string text = human_size(progress.bytes_done);
    if (progress.bytes_total > 0) text += " of " + human_size(progress.bytes_total);
    return text + ", " + human_size(static_cast<std::uint64_t>(bytes_per_second)) + "/s";
}

std::string progress_line(std::string_view stage, const Progress& progress, double bytes_per_second,
                          std::size_t columns) {
    std::size_t room = columns > 0 ? columns - 1 : 0;  // a full line may wrap
    std::string numbers = progress_text(progress, bytes_per_second);
    std::string name(stage);
    std::vector<std::string> shapes;
    if (progress.bytes_total > 0) {
        double part = std::min(1.0, static_cast<double>(progress.bytes_done) /
                                        static_cast<double>(progress.bytes_total));
        for (std::size_t width : {wide_bar, narrow_bar})
            shapes.push_back(name + bar(part, width) + " " + percent(part) + "  " + numbers);
    }
    shapes.push_back(name + ": " + numbers);
    shapes.push_back(numbers);
    for (const std::string& shape : shapes) {
        std::size_t width = width_of(shape);
        if (width > room) continue;
        std::size_t left = room - width;
        bool named = !progress.current.empty() && progress.current != stage;
        if (!named || left < shortest_name + 2) return shape;
        return shape + "  " + cut(printable(progress.current, longest_name), left - 2);
    }
    return cut(numbers, room);
}

}  // namespace osiekit::builder
