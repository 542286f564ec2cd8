#include "server/netboot/routes.hpp"

#include <algorithm>

#include "lib/base/text.hpp"
#include "server/netboot/ipxe/script.hpp"

namespace osiekit::netboot {
namespace {

using web::below;
using web::plain_answer;
using web::Reply;

constexpr std::string_view script_prefix = "/ipxe/script/";
constexpr std::string_view script_name = "auto.ipxe";
constexpr std::string_view binary_prefix = "/ipxe/binary/";
constexpr std::string_view osie_prefix = "/osie/";

// "<first>/<second>" in two; the first is empty when there is no slash.
std::pair<std::string_view, std::string_view> split_once(std::string_view text) {
    auto slash = text.find('/');
    if (slash == std::string_view::npos) return {{}, text};
    return {text.substr(0, slash), text.substr(slash + 1)};
}

bool covers(const std::string& prefix, const std::string& path) {
    if (prefix == "/" || path == prefix) return true;
    auto rest = below(path, prefix.back() == '/' ? prefix : prefix + "/");
    return rest.has_value();
}

}  // namespace

Reply Routes::serve(const HttpQuery& query) const {
    if (query.path == "/healthz") return health();
    if (auto rest = below(query.path, script_prefix)) return script(*rest, query);
    if (auto rest = below(query.path, binary_prefix)) return binary(*rest, query);
    if (auto rest = below(query.path, osie_prefix)) return osie_file(*rest, query);
    return added(query);
}

void Routes::add(std::string prefix, HttpHandler handler) {
    std::lock_guard lock(mutex_);
    handlers_.emplace_back(std::move(prefix), std::move(handler));
    std::stable_sort(handlers_.begin(), handlers_.end(),
                     [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
}

Reply Routes::script(std::string_view rest, const HttpQuery& query) const {
    auto [mac_text, name] = split_once(rest);
    auto mac = MacAddress::parse(mac_text);
    if (!mac || name != script_name)
        return plain_answer(404, "scripts are at /ipxe/script/<mac>/auto.ipxe");
    auto machine = lookup_(*mac);
    if (!machine || !machine->allow_pxe) {
        report(mac, query, "http.script",
               machine ? "refused: netboot not allowed" : "no such machine");
        return plain_answer(404, "nothing to boot for " + mac->to_string());
    }
    machine->mac = *mac;
    auto text = script_text(*machine);
    if (!text) {
        logger_.error("the boot script of " + mac->to_string() + ": " + text.error().to_string());
        report(mac, query, "http.script", "refused: " + text.error().to_string());
        return plain_answer(500, "the boot script could not be made, see the server's log");
    }
    report(mac, query, "http.script",
           machine->boot == BootTarget::local_disk ? "to boot from its disk"
                                                   : "to boot the installation environment");
    HttpAnswer answer;
    answer.body = std::move(text).value();
    return answer;
}

Result<std::string> Routes::script_text(const Machine& machine) const {
    std::string image_arguments;
    if (machine.boot == BootTarget::osie && ipxe::boots_own_image(machine)) {
        OSIEKIT_ASSIGN(image_arguments, image_arguments_.get());
    }
    return ipxe::script(machine, settings_, image_arguments);
}

Status Routes::check_image() const {
    auto arguments = image_arguments_.get();
    if (!arguments) return std::move(arguments).error();
    return {};
}

Reply Routes::binary(std::string_view rest, const HttpQuery& query) const {
    auto [mac_text, name] = split_once(rest);
    auto content = binaries_.find(name);
    std::optional<MacAddress> mac = MacAddress::parse(mac_text);
    if (!content || (!mac && !mac_text.empty())) return plain_answer(404, "no such iPXE binary");
    report(mac, query, "http.binary", std::string(name));
    auto reply = web::memory_content(std::move(content));
    if (name.size() > 4 && name.substr(name.size() - 4) == ".efi") reply.type = "application/efi";
    return reply;
}

Reply Routes::osie_file(std::string_view rest, const HttpQuery& query) const {
    if (settings_.osie_dir.empty()) return plain_answer(404, "this server has no --osie folder");
    auto content = web::open_content(settings_.osie_dir, std::string(rest));
    if (!content) {
        report({}, query, "http.file", printable(rest) + ": not found");
        return plain_answer(404, "no such file");
    }
    report({}, query, "http.file", printable(rest) + ", " + human_size(content->size));
    return std::move(content).value();
}

Reply Routes::health() const {
    if (settings_.healthy && !settings_.healthy()) return plain_answer(503, "not ready");
    return plain_answer(200, "ok");
}

Reply Routes::added(const HttpQuery& query) const {
    HttpHandler handler;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [prefix, candidate] : handlers_) {
            if (!covers(prefix, query.path)) continue;
            handler = candidate;
            break;
        }
    }
    if (!handler) return plain_answer(404, "nothing here");
    return handler(query);
}

void Routes::report(std::optional<MacAddress> mac, const HttpQuery& query, std::string kind,
                    std::string text) const {
    if (!mac) mac = seen_.by_address(query.peer);
    if (query.method == "HEAD") text += " (HEAD)";
    sink_({mac, std::move(kind), text + ", to " + query.peer.to_string()});
}

}  // namespace osiekit::netboot
