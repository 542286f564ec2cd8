#include "agent/image_process.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view name_of(std::string_view variable) {
    return variable.substr(0, variable.find('='));
}

bool has(const std::vector<std::string>& env, std::string_view name) {
    return std::any_of(env.begin(), env.end(),
                       [&](const std::string& variable) { return name_of(variable) == name; });
}

Status set(std::vector<std::string>& env, const std::string& variable) {
    std::size_t equals = variable.find('=');
    if (equals == 0 || equals == std::string::npos || variable.find('\0') != std::string::npos)
        return Error(
            ErrorKind::invalid_input,
            "the environment variable \"" + printable(name_of(variable)) + "\" is not NAME=value");
    for (std::string& present : env) {
        if (name_of(present) != name_of(variable)) continue;
        present = variable;
        return {};
    }
    env.push_back(variable);
    return {};
}

}  // namespace

Result<ImageProcess> make_process(const oci::ImageConfig& image, const Action& action,
                                  const UserIdentity& user, const std::string& hostname) {
    ImageProcess process;
    process.argv = image.entrypoint;
    const auto& arguments = action.command.empty() ? image.cmd : action.command;
    process.argv.insert(process.argv.end(), arguments.begin(), arguments.end());
    if (process.argv.empty() || process.argv.front().empty())
        return Error(ErrorKind::invalid_input, "neither the image nor the action names a command")
            .hint("give the image an entrypoint, or the action a command");
    for (const std::string& argument : process.argv)
        if (argument.find('\0') != std::string::npos)
            return Error(ErrorKind::invalid_input, "an argument holds a zero byte");
    for (const std::string& variable : image.env) OSIEKIT_TRY(set(process.env, variable));
    for (const std::string& variable : action.environment) OSIEKIT_TRY(set(process.env, variable));
    if (!has(process.env, "PATH")) process.env.push_back("PATH=" + std::string(default_path));
    if (!has(process.env, "HOME")) process.env.push_back("HOME=" + user.home);
    if (!has(process.env, "HOSTNAME")) process.env.push_back("HOSTNAME=" + hostname);
    if (!image.working_dir.empty()) process.cwd = image.working_dir;
    if (process.cwd.front() != '/') process.cwd.insert(0, 1, '/');
    return process;
}

}  // namespace osiekit::agent
