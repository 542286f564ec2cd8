#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "builder/cache/fetch.hpp"

namespace osiekit::builder {

// "12.3 MiB of 27.0 MiB, 5.1 MiB/s"; without the second part where the total is not known.
std::string progress_text(const Progress& progress, double bytes_per_second);

// A line about work that goes on, in less than `columns` columns:
//
//     packing segments [#########           ]  45%  12.3 MiB of 27.0 MiB, 5.1 MiB/s  busybox
//
// Where that is too wide, the name of the file goes first, then the bar, then the rest from the
// left; the numbers stay longest.
std::string progress_line(std::string_view stage, const Progress& progress, double bytes_per_second,
                          std::size_t columns);

}  // namespace osiekit::builder
