#pragma once

#include "proto/admin.pb.h"
#include "server/store/store.hpp"

namespace osiekit::server {

// The model as messages. Text that is not UTF-8, which protobuf refuses, gets '?' for each bad
// byte.
osiekit::v1::Hardware to_message(const HardwareRecord& record);
osiekit::v1::Template to_message(const TemplateRecord& record, bool with_text);
osiekit::v1::Workflow to_message(const Workflow& workflow, bool with_rendered);
osiekit::v1::Event to_message(const Event& event);

std::string as_utf8(std::string text);

}  // namespace osiekit::server
