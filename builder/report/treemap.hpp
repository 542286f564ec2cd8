#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/report/size_tree.hpp"

namespace osiekit::builder {

struct Rectangle {
    double x = 0;
    double y = 0;
    double width = 0;
    double height = 0;
};

// Rectangles that fill `space` without gaps, with areas in the proportion of `values`, as near to
// squares as may be (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000). In the order of
// `values`, which are to be given largest first; those that are not above 0 get an empty rectangle.
std::vector<Rectangle> squarified(const std::vector<double>& values, const Rectangle& space);

struct TreemapOptions {
    double width = 1200;  // pixels
    double height = 800;
    std::size_t depth = 12;  // levels below the image
    std::string title;
};

// The tree as an SVG picture: every node a rectangle as large as its packed bytes, folders with
// their name above what they hold. Names that do not fit are cut or left out; all that are drawn
// show with their sizes where the pointer rests. What would be smaller than a pixel is not drawn.
// Safe with any name.
std::string treemap_svg(const SizeNode& tree, const TreemapOptions& options);

// For XML text and attributes: &, <, > and quotes escaped, control characters and broken UTF-8
// replaced.
std::string xml_text(std::string_view text);

}  // namespace osiekit::builder
