#include "images/image2disk/settings.hpp"

#include "lib/base/text.hpp"

namespace osiekit::images::image2disk {

Result<Settings> read_settings(const Environment& environment) {
    Settings settings;
    OSIEKIT_ASSIGN(settings.url, environment.required("IMG_URL"));
    if (settings.url.rfind("http://", 0) != 0 && settings.url.rfind("https://", 0) != 0)
        return Error(ErrorKind::invalid_input, "IMG_URL is '" + printable(settings.url) +
                                                   "', which is no http:// or https:// address");
    OSIEKIT_ASSIGN(settings.disk, environment.absolute_path("DEST_DISK"));
    OSIEKIT_ASSIGN(settings.compressed, environment.boolean("COMPRESSED", false));
    if (std::string digest = environment.optional("IMG_SHA256"); !digest.empty()) {
        auto parsed = Sha256::parse(digest).context("IMG_SHA256");
        if (!parsed) return std::move(parsed).error();
        settings.sha256 = *parsed;
    }
    OSIEKIT_ASSIGN(settings.retry, environment.boolean("RETRY_ENABLED", false));
    OSIEKIT_ASSIGN(std::uint64_t minutes,
                   environment.number("RETRY_DURATION_MINUTES", 10, longest_retry_minutes));
    settings.retry_for = std::chrono::minutes(minutes);
    OSIEKIT_ASSIGN(std::uint64_t seconds,
                   environment.number("PROGRESS_INTERVAL_SECONDS", 3, longest_progress_seconds));
    settings.progress_interval = std::chrono::seconds(seconds);
    settings.ca_file = environment.optional("IMG_CA_FILE");
    return settings;
}

}  // namespace osiekit::images::image2disk
