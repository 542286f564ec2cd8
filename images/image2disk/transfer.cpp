#include "images/image2disk/transfer.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "images/image2disk/decoder.hpp"
#include "images/image2disk/disk_writer.hpp"
#include "lib/base/text.hpp"
#include "lib/http/http_client.hpp"

namespace osiekit::images::image2disk {
namespace {

using Clock = std::chrono::steady_clock;
using Headers = std::map<std::string, std::string>;

constexpr std::chrono::milliseconds longest_delay{30000};

bool worth_retrying(long status) {
    return status == 408 || status == 429 || status >= 500;
}

std::string header(const Headers& headers, const std::string& name) {
    auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
}

// Can be compared byte for byte: a weak tag ("W/…") cannot.
std::string strong_tag(const Headers& headers) {
    std::string tag = header(headers, "etag");
    if (!tag.empty() && tag.front() == '"') return tag;
    return header(headers, "last-modified");
}

// One run of the transfer with all its state, over any number of connections.
class Run {
  public:
    Run(const Settings& settings, const TransferOptions& options, DiskWriter writer)
        : settings_(settings),
          options_(options),
          writer_(std::move(writer)),
          started_(Clock::now()),
          last_line_(started_) {
        restart();
    }

    Result<Transferred> complete() {
        auto give_up_at = started_ + settings_.retry_for;
        auto delay = options_.first_delay;
        for (;;) {
            ++attempts_;
            fatal_ = false;
            Status done = attempt();
            if (done) break;
            if (fatal_ || !settings_.retry || Clock::now() + delay >= give_up_at)
                return std::move(done).error();
            say("transfer broke, trying again: " + done.error().to_string());
            ::poll(nullptr, 0, static_cast<int>(delay.count()));
            delay = std::min(delay * 2, longest_delay);
        }
        OSIEKIT_TRY(finish());
        return Transferred{received_, writer_.written(), attempts_};
    }

  private:
    void restart() {
        received_ = 0;
        total_ = 0;
        hash_ = Sha256Stream();
        decoder_ = settings_.compressed ? make_detecting_decoder() : make_plain_decoder();
        writer_.rewind();
    }

    // Errors set fatal_ when trying again cannot help.
    Status attempt() {
        http::Request request;
        request.url = settings_.url;
        request.ca_file = settings_.ca_file;
        if (received_ > 0 && !tag_.empty()) {
            request.range_start = received_;
            request.headers.push_back("If-Range: " + tag_);
        }
        bool asked_for_rest = request.range_start.has_value();
        request.on_headers = [&](long status, const Headers& headers) {
            return take_headers(status, headers, asked_for_rest);
        };
        request.on_body = [&](std::string_view bytes) { return take(bytes); };
        wrong_range_ = false;
        auto response = client_.perform(request);
        if (wrong_range_)
            return Error(ErrorKind::network, "the server sent another part than it was asked for");
        if (!response) return std::move(response).error();
        if (response->status == 200 || response->status == 206) return {};
        fatal_ = !worth_retrying(response->status);
        return Error(ErrorKind::network,
                     "the server answered with status " + std::to_string(response->status))
            .hint("check IMG_URL");
    }

    bool take_headers(long status, const Headers& headers, bool asked_for_rest) {
        if (status == 206) {
            std::string expected = "bytes " + std::to_string(received_) + "-";
            wrong_range_ =
                !asked_for_rest || header(headers, "content-range").rfind(expected, 0) != 0;
            return !wrong_range_;
        }
        if (status != 200) return true;
        restart();
        tag_ = strong_tag(headers);
        total_ = parse_u64(header(headers, "content-length")).value_or(0);
        return true;
    }

    Status take(std::string_view bytes) {
        received_ += bytes.size();
        hash_.update(bytes);
        Status done =
            decoder_->feed(bytes, [&](std::string_view piece) { return writer_.write(piece); });
        // Neither a damaged image nor a full disk gets better.
        if (!done) fatal_ = true;
        report(false);
        return done;
    }

    Status finish() {
        // The digest first: it tells a wrong file from a damaged one.
        if (settings_.sha256) {
            Sha256 seen = hash_.finish();
            if (seen != *settings_.sha256)
                return Error(ErrorKind::digest, "the image's SHA-256 is " + seen.hex() +
                                                    " and not IMG_SHA256 " +
                                                    settings_.sha256->hex());
        }
        OSIEKIT_TRY(decoder_->finish());
        if (writer_.written() == 0) return Error(ErrorKind::invalid_input, "the image is empty");
        say("waiting until the disk has everything");
        OSIEKIT_TRY(writer_.commit());
        report(true);
        return {};
    }

    void say(const std::string& line) const {
        if (options_.say) options_.say(line);
    }

    void report(bool at_end) {
        auto now = Clock::now();
        if (!at_end && now - last_line_ < settings_.progress_interval) return;
        last_line_ = now;
        double seconds = std::max(0.001, std::chrono::duration<double>(now - started_).count());
        std::string line = at_end ? "done: " : "";
        line += human_size(writer_.written()) + " written, " + human_size(received_) + " received";
        if (total_ > 0) {
            std::array<char, 32> percent{};
            std::snprintf(percent.data(), percent.size(), " (%.0f %%)",
                          100.0 * static_cast<double>(received_) / static_cast<double>(total_));
            line += " of " + human_size(total_) + percent.data();
        }
        line += ", " +
                human_size(
                    static_cast<std::uint64_t>(static_cast<double>(writer_.written()) / seconds)) +
                "/s";
        say(line);
    }

    const Settings& settings_;
    const TransferOptions& options_;
    DiskWriter writer_;
    http::Client client_;
    std::unique_ptr<Decoder> decoder_;
    Sha256Stream hash_;
    std::string tag_;
    std::uint64_t received_ = 0;
    std::uint64_t total_ = 0;
    int attempts_ = 0;
    bool fatal_ = false;
    bool wrong_range_ = false;
    Clock::time_point started_;
    Clock::time_point last_line_;
};

}  // namespace

Result<Transferred> transfer(const Settings& settings, const TransferOptions& options) {
    std::string doing = "streaming " + printable(settings.url) + " to " + printable(settings.disk);
    auto writer = DiskWriter::open(settings.disk).context(doing);
    if (!writer) return std::move(writer).error();
    return Run(settings, options, *std::move(writer)).complete().context(doing);
}

}  // namespace osiekit::images::image2disk
