#include "builder/image/image_part.hpp"

#include <utility>

namespace osiekit::builder {

Part part_of(std::string name, const Tree& tree) {
    Part part;
    part.request.name = std::move(name);
    part.request.entries = tree.entries();
    return part;
}

Part unknown_part(std::string name) {
    Part part;
    part.request.name = std::move(name);
    part.known = false;
    return part;
}

PlannedSegment planned_segment(const Part& part) {
    PlannedSegment planned;
    planned.name = part.ready ? part.ready->name : part.request.name;
    if (!part.ready) return planned;
    planned.unpacked = part.ready->unpacked;
    planned.size = part.ready->size;
    planned.cached = part.ready->from_cache;
    return planned;
}

}  // namespace osiekit::builder
