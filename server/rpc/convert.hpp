#pragma once

#include "lib/base/text.hpp"
#include "proto/admin.pb.h"
#include "server/store/store.hpp"

namespace osiekit::server {

// The model as messages, all text as as_utf8() has it.
osiekit::v1::Hardware to_message(const HardwareRecord& record);
osiekit::v1::Template to_message(const TemplateRecord& record, bool with_text);
osiekit::v1::Workflow to_message(const Workflow& workflow, bool with_rendered);
osiekit::v1::Event to_message(const Event& event);

}  // namespace osiekit::server
