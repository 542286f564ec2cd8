#include "builder/report/verify.hpp"

#include <unistd.h>

#include <cstdio>
#include <memory>

#include "builder/commands/command.hpp"
#include "builder/image/lock_profile.hpp"
#include "builder/report/image_files.hpp"
#include "builder/report/verify_lock.hpp"
#include "lib/base/terminal.hpp"

namespace osiekit::builder {

namespace {

struct VerifyArguments {
    std::string image;
    std::string lock;
    bool json = false;
};

constexpr int wrong_status = 1;
constexpr int trouble_status = 2;

constexpr std::string_view examples = R"(
Examples:
  osiekit verify out/virtual
  osiekit verify out/virtual --lock profiles/virtual.lock
  osiekit verify /srv/osie --json | jq -r '.findings[].what'
  osiekit verify out/virtual/initramfs

Checks a folder made by "osiekit build" against its manifest.json: kernel, initramfs and each of its segments by
digest, and the initramfs as the kernel will read it. Of an initramfs alone only the latter. Everything that is wrong is
said with its byte and its segment, not just the first. With --lock also: that the image was built from the packages,
files, programs and settings of that lock.

Exit status: 0 nothing is wrong, 1 something is, 2 trouble.
)";

void print_text(const Verification& verification, const std::string& image) {
    bool colour = wants_colour(STDOUT_FILENO);
    for (const Finding& finding : verification.findings)
        std::printf("%s%s%s\n", colour ? "\x1b[31m" : "", finding.to_string().c_str(),
                    colour ? "\x1b[0m" : "");
    if (!verification.good()) {
        std::printf("%s: %zu found\n", image.c_str(), verification.findings.size());
        return;
    }
    std::printf("%s: good, %zu segments with %zu entries%s\n", image.c_str(), verification.segments,
                verification.entries, verification.has_manifest ? ", as the manifest says" : "");
}

Result<int> run_verify(const VerifyArguments& arguments) {
    OSIEKIT_ASSIGN(Verification verification, verify_image(arguments.image));
    if (!arguments.lock.empty()) {
        OSIEKIT_ASSIGN(Lock lock, read_lock(arguments.lock));
        // What is not even what its manifest says is not held against a lock.
        if (verification.good() && !verification.has_manifest)
            return Error(ErrorKind::invalid_input, "--lock needs the folder of an image");
        if (verification.good()) {
            OSIEKIT_ASSIGN(KnownImage image, load_known_image(arguments.image));
            verification.findings = verify_lock(image, lock, arguments.lock);
        }
    }
    if (arguments.json)
        std::printf("%s\n", verification_json(verification)
                                .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                                .c_str());
    else
        print_text(verification, arguments.image);
    return verification.good() ? 0 : wrong_status;
}

}  // namespace

void register_verify(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<VerifyArguments>();
    CLI::App* command = app.add_subcommand(
        "verify", "Check an image against its manifest and what the kernel takes");
    command->add_option("IMAGE", arguments->image, "Folder made by osiekit build, or an initramfs")
        ->required();
    command->add_option("--lock", arguments->lock, "Check the image against this lock, too")
        ->type_name("FILE");
    command->add_flag("--json", arguments->json, "Print what was found as JSON");
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments, &invocation]() -> Status {
            invocation.failure_status = trouble_status;
            OSIEKIT_ASSIGN(invocation.status, run_verify(*arguments));
            return {};
        };
    });
}

}  // namespace osiekit::builder
