#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/workflow/document.hpp"

// A workflow that is accepted has what agents rely on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto document =
        osiekit::server::parse_workflow_document({reinterpret_cast<const char*>(data), size});
    if (!document) return 0;
    for (const auto& task : document->tasks)
        for (const auto& action : task.actions)
            if (action.name.empty() || action.agent_id.empty() || action.spec.image.empty() ||
                action.timeout_seconds <= 0)
                std::abort();
    return 0;
}
