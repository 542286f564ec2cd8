#include "builder/report/treemap.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

// The worst ratio of sides in a row of areas along a side.
double worst_ratio(double largest, double smallest, double sum, double side) {
    double row = sum / side;
    return std::max(largest / (row * row), row * row / smallest);
}

constexpr double font_size = 12;
constexpr double small_font_size = 10;
// Of a sans-serif font, in parts of its size: wide enough that no label runs out of its box.
constexpr double letter_width = 0.6;
constexpr double title_height = 28;
constexpr double margin = 4;
constexpr double header_height = 18;
constexpr double gap = 1.5;
constexpr double smallest_side = 3;  // of a box that is drawn

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

// Calm colours that black letters can be read on, one a segment.
std::string colour(std::size_t group, std::size_t level) {
    constexpr int hues[] = {210, 30, 130, 280, 0, 175, 50, 320, 95, 245, 15, 190};
    int lightness = std::min(72 + static_cast<int>(level) * 6, 92);
    return "hsl(" + std::to_string(hues[group % std::size(hues)]) + ",55%," +
           std::to_string(lightness) + "%)";
}

// Cuts between characters of UTF-8.
std::string fitted(const std::string& text, double width, double size) {
    auto room = static_cast<std::size_t>(std::max(0.0, width / (size * letter_width)));
    std::size_t letters = 0;
    std::size_t cut = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0U) == 0x80U) continue;
        if (letters + 1 == room) cut = i;
        ++letters;
    }
    if (letters <= room) return text;
    constexpr std::size_t fewest = 4;
    return room < fewest ? std::string() : text.substr(0, cut) + "…";
}

class Painter {
  public:
    explicit Painter(const TreemapOptions& options) : options_(options) {}

    std::string run(const SizeNode& tree) {
        svg_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(options_.width) +
               "\" height=\"" + number(options_.height) + "\" viewBox=\"0 0 " +
               number(options_.width) + " " + number(options_.height) +
               "\" font-family=\"DejaVu Sans,Helvetica,Arial,sans-serif\">\n"
               "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
        text({margin, 0, options_.width, title_height},
             options_.title + "  " + human_size(tree.packed) + " in the image, " +
                 human_size(tree.unpacked) + " unpacked",
             15, 20);
        whole_ = std::max<double>(1, static_cast<double>(tree.packed));
        Rectangle space{margin, title_height, options_.width - 2 * margin,
                        options_.height - title_height - margin};
        children(tree, space, 0, 0, "");
        return svg_ + "</svg>\n";
    }

  private:
    void text(const Rectangle& box, const std::string& content, double size, double baseline) {
        std::string shown = fitted(content, box.width - 2 * margin, size);
        if (shown.empty()) return;
        svg_ += "<text x=\"" + number(box.x + margin) + "\" y=\"" + number(box.y + baseline) +
                "\" font-size=\"" + number(size) + "\">" + xml_text(shown) + "</text>\n";
    }

    void children(const SizeNode& tree, const Rectangle& space, std::size_t level,
                  std::size_t group, const std::string& path) {
        std::vector<double> values;
        for (const SizeNode& child : tree.children)
            values.push_back(static_cast<double>(child.packed));
        std::vector<Rectangle> boxes = squarified(values, space);
        for (std::size_t i = 0; i < boxes.size(); ++i)
            node(tree.children[i], boxes[i], level, level == 0 ? i : group, path);
    }

    void node(const SizeNode& node, Rectangle box, std::size_t level, std::size_t group,
              const std::string& parent) {
        box.width -= gap;
        box.height -= gap;
        if (box.width < smallest_side || box.height < smallest_side) return;
        std::string path = level <= 1 ? node.name : parent + "/" + node.name;
        double share = 100 * static_cast<double>(node.packed) / whole_;
        svg_ += "<g><title>" + xml_text(path) + "\n" + human_size(node.packed) + " (" +
                number(share) + " %), unpacked " + human_size(node.unpacked) +
                "</title><rect x=\"" + number(box.x) + "\" y=\"" + number(box.y) + "\" width=\"" +
                number(box.width) + "\" height=\"" + number(box.height) + "\" fill=\"" +
                colour(group, level) + "\" stroke=\"#666\" stroke-width=\"0.5\"/>\n";
        double size = level == 0 ? font_size : small_font_size;
        bool tall = box.height >= header_height;
        std::string label = node.name + "  " + human_size(node.packed);
        if (fitted(label, box.width - 2 * margin, size) != label) label = node.name;
        if (tall) text(box, label, size, header_height - 5);
        svg_ += "</g>\n";
        constexpr double least_inside = 12;
        Rectangle inside{box.x + margin / 2, box.y + header_height, box.width - margin,
                         box.height - header_height - margin / 2};
        if (node.children.empty() || level + 1 >= options_.depth || inside.width < least_inside ||
            inside.height < least_inside)
            return;
        children(node, inside, level + 1, group, path);
    }

    const TreemapOptions& options_;
    std::string svg_;
    double whole_ = 1;
};

// How many bytes the character at the start of the text has; 0: it is no UTF-8 that XML takes.
std::size_t character_size(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char first = byte(0);
    if (first < 0x80) return first >= 0x20 || first == '\t' ? 1 : 0;
    std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
    std::uint32_t code = first & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U) return 0;
        code = code << 6U | (byte(i) & 0x3fU);
    }
    constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    bool wrong = code < smallest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ||
                 code == 0xfffe || code == 0xffff || (code >= 0x80 && code < 0xa0);
    return wrong ? 0 : size;
}

}  // namespace

std::string xml_text(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        std::size_t size = character_size(text);
        switch (size == 1 ? text.front() : '\0') {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            default:
                result += size == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, size);
        }
        text.remove_prefix(std::max<std::size_t>(1, size));
    }
    return result;
}

std::vector<Rectangle> squarified(const std::vector<double>& values, const Rectangle& space) {
    std::vector<Rectangle> result(values.size());
    double total = 0;
    for (double value : values) total += std::max(0.0, value);
    if (total <= 0 || space.width <= 0 || space.height <= 0) return result;
    double scale = space.width * space.height / total;
    Rectangle left = space;
    std::size_t start = 0;
    while (start < values.size() && values[start] > 0) {
        double side = std::min(left.width, left.height);
        double largest = values[start] * scale;
        double sum = largest;
        double worst = worst_ratio(largest, largest, sum, side);
        std::size_t end = start + 1;
        for (; end < values.size() && values[end] > 0; ++end) {
            double area = values[end] * scale;
            double next = worst_ratio(largest, area, sum + area, side);
            if (next > worst) break;
            worst = next;
            sum += area;
        }
        bool wide = left.width >= left.height;
        double thickness = side > 0 ? sum / side : 0;
        double at = wide ? left.y : left.x;
        for (std::size_t i = start; i < end; ++i) {
            double length = thickness > 0 ? values[i] * scale / thickness : 0;
            result[i] = wide ? Rectangle{left.x, at, thickness, length}
                             : Rectangle{at, left.y, length, thickness};
            at += length;
        }
        (wide ? left.x : left.y) += thickness;
        (wide ? left.width : left.height) =
            std::max(0.0, (wide ? left.width : left.height) - thickness);
        if (left.width <= 0 || left.height <= 0) break;
        start = end;
    }
    return result;
}

std::string treemap_svg(const SizeNode& tree, const TreemapOptions& options) {
    return Painter(options).run(tree);
}

}  // namespace osiekit::builder
