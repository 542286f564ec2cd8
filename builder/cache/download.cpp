#include "builder/cache/download.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "builder/cache/url.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

struct Download::Arrival {
    Fd file;
    Sha256Stream hash;
    std::uint64_t have = 0;
    bool resumed = false;
    bool body_begun = false;
    long status = 0;
    std::string content_range;
};

namespace {

constexpr unsigned lock_poll_ms = 100;

// The first byte's offset in "bytes 100-199/200".
std::optional<std::uint64_t> range_start(std::string_view content_range) {
    constexpr std::string_view unit = "bytes ";
    if (!content_range.starts_with(unit)) return std::nullopt;
    content_range.remove_prefix(unit.size());
    std::size_t dash = content_range.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    return parse_u64(content_range.substr(0, dash));
}

// Hashes what an earlier attempt left.
Status hash_existing(int fd, std::uint64_t size, Sha256Stream& hash) {
    std::vector<char> buffer(1U << 18U);
    for (std::uint64_t at = 0; at < size;) {
        ssize_t n = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno("cannot read a partial download");
        if (n == 0) return Error(ErrorKind::io, "a partial download became shorter");
        hash.update({buffer.data(), static_cast<std::size_t>(n)});
        at += static_cast<std::uint64_t>(n);
    }
    return {};
}

}  // namespace

// The lock belongs to the file, not its name: whoever waited looks whether the name still means it.
Result<Fd> Download::lock_partial() {
    fs::path path = cache_.partial_path(item_.digest);
    for (;;) {
        OSIEKIT_ASSIGN(Fd fd, open_file(path, O_RDWR | O_CREAT, 0644));
        while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR)
                return Error::from_errno("cannot lock " + path.string());
            if (!pause_for(lock_poll_ms, cancelled_))
                return Error(ErrorKind::cancelled, "cancelled");
        }
        struct stat mine {};
        struct stat named {};
        if (::fstat(fd.get(), &mine) == 0 && ::stat(path.c_str(), &named) == 0 &&
            mine.st_ino == named.st_ino && mine.st_dev == named.st_dev)
            return fd;
    }
}

Status Download::attempt() {
    asked_.reset();
    Arrival arrival;
    OSIEKIT_ASSIGN(arrival.file, lock_partial());
    OSIEKIT_ASSIGN(auto present, cache_.find(item_.digest));
    if (present) {  // another process was quicker
        ::unlink(cache_.partial_path(item_.digest).c_str());
        return {};
    }
    struct stat info {};
    if (::fstat(arrival.file.get(), &info) != 0)
        return Error::from_errno("cannot examine a partial download");
    arrival.have = static_cast<std::uint64_t>(info.st_size);
    if (arrival.have > item_.size) {
        if (::ftruncate(arrival.file.get(), 0) != 0)
            return Error::from_errno("cannot empty a partial download");
        arrival.have = 0;
    }
    arrival.resumed = arrival.have > 0;
    OSIEKIT_TRY(hash_existing(arrival.file.get(), arrival.have, arrival.hash));
    if (arriving_) arriving_->begin(arrival.file, arrival.have);
    if (arrival.have < item_.size || item_.size == 0) {
        Status received = receive(arrival);
        if (!received && arrival.have == 0) ::unlink(cache_.partial_path(item_.digest).c_str());
        OSIEKIT_TRY(std::move(received));
    }
    return finish(arrival);
}

Status Download::receive(Arrival& arrival) {
    PlainUrl url = split_credentials(item_.url);
    http::Request request;
    request.url = url.url;
    request.user = url.user;
    request.password = url.password;
    request.proxy = item_.proxy;
    request.ca_file = item_.ca_file;
    request.stall_timeout = item_.stall_timeout;
    request.lowest_speed = lowest_mirror_speed;
    if (arrival.have > 0) request.range_start = arrival.have;
    request.on_headers = [&](long status, const std::map<std::string, std::string>& headers) {
        arrival.status = status;
        auto range = headers.find("content-range");
        if (range != headers.end()) arrival.content_range = range->second;
        return true;
    };
    request.on_body = [&](std::string_view piece) { return take(arrival, piece); };
    request.cancelled = cancelled_;
    moved_(arrival.have, 0);
    OSIEKIT_ASSIGN(http::Response response, client_.perform(request));
    return judge_answer(response);
}

Status Download::judge_answer(const http::Response& response) {
    if (response.status >= 200 && response.status < 300) return {};
    std::string text = "GET " + without_credentials(item_.url) + ": HTTP status " +
                       std::to_string(response.status);
    if (response.status == 416) {  // our part is not a part of this file
        ::unlink(cache_.partial_path(item_.digest).c_str());
        return Error(ErrorKind::network, std::move(text));
    }
    if (is_transient_status(response.status)) {
        asked_ = retry_after(response);
        return Error(ErrorKind::network, std::move(text));
    }
    if (response.status == 404 || response.status == 410)
        return Error(ErrorKind::not_found, std::move(text))
            .hint("the mirror may be in the middle of an update; try again later");
    return Error(ErrorKind::refused, std::move(text)).hint(refused_hint);
}

// A server may ignore the range (200) or answer another one than was asked for.
Status Download::begin_body(Arrival& arrival) {
    arrival.body_begun = true;
    if (arrival.status == 206 && arrival.resumed) {
        if (range_start(arrival.content_range) == arrival.have) {
            if (::lseek(arrival.file.get(), static_cast<off_t>(arrival.have), SEEK_SET) < 0)
                return Error::from_errno("cannot continue a partial download");
            return {};
        }
        ::unlink(cache_.partial_path(item_.digest).c_str());
        return Error(ErrorKind::network, "the server answered \"" +
                                             printable(arrival.content_range, 80) +
                                             "\" when the bytes from " +
                                             std::to_string(arrival.have) + " were asked for");
    }
    arrival.resumed = false;
    arrival.have = 0;
    arrival.hash = Sha256Stream();
    if (arriving_) arriving_->begin(arrival.file, 0);
    if (::ftruncate(arrival.file.get(), 0) != 0 || ::lseek(arrival.file.get(), 0, SEEK_SET) < 0)
        return Error::from_errno("cannot empty a partial download");
    return {};
}

Status Download::take(Arrival& arrival, std::string_view piece) {
    // Between two pieces: libcurl asks only now and then.
    if (cancelled_()) return Error(ErrorKind::cancelled, "cancelled");
    if (!arrival.body_begun) OSIEKIT_TRY(begin_body(arrival));
    if (piece.size() > item_.size - arrival.have) {
        ::unlink(cache_.partial_path(item_.digest).c_str());
        return Error(ErrorKind::digest, without_credentials(item_.url) + " is longer than the " +
                                            std::to_string(item_.size) +
                                            " bytes that it is declared to have");
    }
    OSIEKIT_TRY(write_all(arrival.file.get(), piece)
                    .context("writing " + cache_.partial_path(item_.digest).string()));
    arrival.hash.update(piece);
    arrival.have += piece.size();
    if (arriving_) arriving_->grow(arrival.have);
    moved_(arrival.have, piece.size());
    return {};
}

Status Download::finish(Arrival& arrival) {
    fs::path path = cache_.partial_path(item_.digest);
    Sha256 got = arrival.hash.finish();
    if (arrival.have == item_.size && got == item_.digest) {
        OSIEKIT_ASSIGN(auto blob, cache_.adopt(path, item_.digest, {item_.kind, item_.name}));
        return {};
    }
    ::unlink(path.c_str());
    std::string url = without_credentials(item_.url);
    if (arrival.resumed)  // the fault may lie in the old part: once more from the beginning
        return Error(ErrorKind::network, "the continued download of " + url + " has the digest " +
                                             got.hex() + ", not " + item_.digest.hex());
    std::string text = "wrong content at " + url + ": expected SHA-256 " + item_.digest.hex() +
                       " (" + std::to_string(item_.size) + " bytes), got " + got.hex() + " (" +
                       std::to_string(arrival.have) + " bytes)";
    return Error(ErrorKind::digest, std::move(text))
        .hint(
            "the mirror or a proxy on the way serves other bytes than the signed index declares; "
            "nothing of it was kept");
}

}  // namespace osiekit::builder
