#include "images/common/program.hpp"
#include "images/reboot/request.hpp"

namespace {

constexpr std::string_view help =
    R"(reboot: asks the agent to reboot the machine, or to power it off

The agent reports this action's success first, waits for the server's reply, and then acts: a machine that
reboots before its success is known would run the workflow again.

Variables:
  ACTION   reboot (default) or poweroff

Needs the volume /worker:/worker. Example, in a template:
  - name: reboot
    image: registry.example/actions/reboot:latest
    timeout: 60
    volumes: ["/worker:/worker"]

Exit status: 0 requested, 1 failed, 2 wrong settings.
)";

}  // namespace

int main(int argc, char** argv) {
    using namespace osiekit::images;
    return run_program({"reboot", help,
                        [](const Environment& environment) {
                            return reboot::leave_request(environment, "/worker");
                        }},
                       argc, argv);
}
