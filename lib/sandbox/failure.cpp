// Turns what the child reported into a sentence.
#include <cerrno>

#include "lib/sandbox/levels.hpp"
#include "lib/sandbox/start_internal.hpp"

namespace osiekit::sandbox {
namespace {

std::string mount_text(const Plan& plan, std::uint32_t index, const std::string& verb) {
    if (index >= plan.mounts.size()) return verb + " a mount";
    const PlannedMount& mount = plan.mounts[index];
    std::string text = verb + " " + mount.target;
    if (mount.kind == PlannedMount::Kind::bind) text += " (from " + mount.source + ")";
    return text;
}

std::string item(const std::vector<std::string>& list, std::uint32_t index) {
    return index < list.size() ? list[index] : "a path";
}

std::string of_mounts(const Plan& plan, const Failure& failure) {
    switch (failure.step) {
        case Step::private_mounts:
            return "making its mounts private";
        case Step::root_parent:
            return "stacking the root on the initramfs";
        case Step::root:
            return "binding the root directory " + plan.spec.rootfs.string();
        case Step::mount_source:
        case Step::mount_attach:
            return mount_text(plan, failure.index, "mounting");
        case Step::mount_target:
            return mount_text(plan, failure.index, "making the mount point");
        case Step::mount_attributes:
            return mount_text(plan, failure.index, "setting the flags of");
        case Step::mount_in_proc:
            return mount_text(plan, failure.index,
                              "a link of the image leads into /proc: mounting");
        case Step::device:
            return std::string("making /dev/") +
                   harmless_devices[failure.index % harmless_devices.size()].name;
        case Step::device_link:
            return std::string("making the link /dev/") +
                   device_links[failure.index % device_links.size()].name;
        case Step::null_device:
            return "checking that /dev/null is the null device";
        case Step::mask:
            return "hiding " + item(plan.masked, failure.index);
        case Step::read_only:
            return "making " + item(plan.read_only, failure.index) + " read-only";
        case Step::pivot:
            return "changing the root";
        default:
            return {};
    }
}

std::string of_process(const Plan& plan, const Failure& failure,
                       const std::vector<std::string>& candidates) {
    switch (failure.step) {
        case Step::parent_gone:
            return "the agent is gone";
        case Step::inner_root:
            return "becoming root of the user namespace";
        case Step::session:
            return "starting a session";
        case Step::cgroup_namespace:
            return "making the cgroup namespace";
        case Step::loopback:
            return "bringing the loopback interface up";
        case Step::card:
            return "setting up the sandbox's network card";
        case Step::hostname:
            return "setting the host name " + plan.spec.hostname;
        case Step::standard_streams:
            return "setting up standard input and output";
        case Step::close_on_exec:
            return "closing inherited descriptors";
        case Step::working_directory:
            return "entering the working directory " + plan.spec.cwd;
        case Step::resource_limits:
            return "setting resource limits";
        case Step::bounding_set:
            return "dropping " + capability_name(failure.index);
        case Step::groups:
        case Step::user:
            return "becoming user " + std::to_string(plan.spec.uid) + ":" +
                   std::to_string(plan.spec.gid);
        case Step::capabilities:
            return "setting capabilities";
        case Step::no_new_privileges:
            return "setting no_new_privs";
        case Step::system_call_filter:
            return "installing the system call filter";
        case Step::parent_death_signal:
            return "tying it to the agent's life";
        case Step::executable:
            return "finding the program " + plan.spec.argv[0];
        case Step::execute:
            return "running " + item(candidates, failure.index);
        default:
            return "an unknown step";
    }
}

std::string advice(const Plan& plan, const Failure& failure) {
    if (failure.step == Step::private_mounts && failure.error == EINVAL)
        return "the root directory is a plain chroot; make it a mount of its own first (mount "
               "--bind DIR DIR)";
    bool executing = failure.step == Step::execute || failure.step == Step::executable;
    if (executing && failure.error == ENOEXEC)
        return "the program is for another processor architecture, or a script without '#!' line";
    if (failure.step == Step::execute && failure.error == ENOENT)
        return "the file exists, but the interpreter or loader that it names does not";
    if (failure.step == Step::executable && failure.error == ENOENT)
        return "check the action's command, and the image's entrypoint and PATH";
    if (failure.step == Step::executable && failure.error == ELOOP)
        return "programs below /proc are not run";
    if (failure.step == Step::mount_source && failure.error == ELOOP)
        return "a part of the source's path is a symbolic link, which the policy does not follow";
    if (failure.step == Step::mount_target && failure.error == ELOOP)
        return "the image has a symbolic link there, which is not followed";
    if (failure.error == EPERM && plan.spec.users && failure.step == Step::mount_source)
        return "a user namespace mounts only what is wholly visible on the machine: something is "
               "mounted over a part of /proc or /sys";
    if (failure.error == EPERM) return "the sandbox needs root with all capabilities";
    return {};
}

}  // namespace

Error explain(const Plan& plan, const Failure& failure,
              const std::vector<std::string>& candidates) {
    std::string what = of_mounts(plan, failure);
    if (what.empty()) what = of_process(plan, failure, candidates);
    Error error = Error::from_errno(what, failure.error).context("starting the sandbox");
    std::string hint = advice(plan, failure);
    return hint.empty() ? std::move(error) : std::move(error).hint(hint);
}

}  // namespace osiekit::sandbox
