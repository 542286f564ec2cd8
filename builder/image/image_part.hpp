#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "builder/image/plan.hpp"
#include "builder/image/segment.hpp"
#include "builder/linking/link_facts.hpp"
#include "builder/tree.hpp"

namespace osiekit::builder {

// A segment in the making: either it is there already, or its entries are.
struct Part {
    SegmentRequest request;
    std::optional<Segment> ready;
    std::string keep_key;  // not empty: remember the packed segment under it
    nlohmann::json keep_extra = nlohmann::json::object();
    bool self_contained = false;  // the same whatever else is in the image
    bool known = true;            // false: only what is not here yet tells what is in it
    LinkFacts linking;            // of a self-contained one
    std::string replaces;         // of a Debian package: its field Replaces

    const Tree::Entries& entries() const { return ready ? ready->entries : request.entries; }
};

Part part_of(std::string name, const Tree& tree);
Part unknown_part(std::string name);
PlannedSegment planned_segment(const Part& part);

}  // namespace osiekit::builder
