#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/netboot/http/content.hpp"
#include "server/netboot/ipxe/binaries.hpp"
#include "server/netboot/ipxe/image_arguments.hpp"
#include "server/netboot/netboot.hpp"
#include "server/netboot/seen.hpp"

namespace osiekit::netboot {

// What our HTTP server serves: scripts, binaries, the OSIE's files, the health check, and whatever
// the main program adds. Thread safe.
class Routes {
  public:
    // All references must outlive the routes. `settings` has its public names filled in.
    Routes(const Settings& settings, const ipxe::Binaries& binaries, const MachineLookup& lookup,
           const EventSink& sink, const SeenMachines& seen, const Logger& logger)
        : settings_(settings),
          binaries_(binaries),
          lookup_(lookup),
          sink_(sink),
          seen_(seen),
          logger_(logger),
          image_arguments_(settings.osie_dir) {}

    web::Reply serve(const HttpQuery& query) const;
    // What the image's manifest is read for; an error is one that every boot script would meet.
    Status check_image() const;
    void add(std::string prefix, HttpHandler handler);

  private:
    // /ipxe/script/<mac>/auto.ipxe; `rest` is what stands behind the prefix.
    web::Reply script(std::string_view rest, const HttpQuery& query) const;
    // /ipxe/binary/[<mac>/]<file>
    web::Reply binary(std::string_view rest, const HttpQuery& query) const;
    web::Reply osie_file(std::string_view rest, const HttpQuery& query) const;
    Result<std::string> script_text(const Machine& machine) const;
    web::Reply health() const;
    web::Reply added(const HttpQuery& query) const;
    void report(std::optional<MacAddress> mac, const HttpQuery& query, std::string kind,
                std::string text) const;

    const Settings& settings_;
    const ipxe::Binaries& binaries_;
    const MachineLookup& lookup_;
    const EventSink& sink_;
    const SeenMachines& seen_;
    const Logger& logger_;
    ipxe::ImageArguments image_arguments_;
    mutable std::mutex mutex_;
    std::vector<std::pair<std::string, HttpHandler>> handlers_;  // longest prefix first
};

}  // namespace osiekit::netboot
