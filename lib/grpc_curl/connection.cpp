#include "lib/grpc_curl/connection.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <vector>

namespace osiekit::rpc {
namespace {

std::string_view view(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

nghttp2_nv field(const std::string& name, const std::string& value) {
    auto bytes = [](const std::string& text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

// What nghttp2 calls; `self` is the connection.
struct Connection::Callbacks {
    static Stream* find(void* self, std::int32_t id) {
        auto& streams = static_cast<Connection*>(self)->streams_;
        auto found = streams.find(id);
        return found == streams.end() ? nullptr : &found->second;
    }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* self) {
        Stream* stream = find(self, frame->hd.stream_id);
        if (stream == nullptr) return 0;
        std::string line(view(name, name_size));
        line = line == ":status" ? "HTTP/2 " : line + ": ";
        line += view(value, value_size);
        if (!stream->metadata.add_line(line))
            static_cast<Connection*>(self)->fail(frame->hd.stream_id, *stream,
                                                 stream->metadata.status());
        return 0;
    }

    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
        auto& connection = *static_cast<Connection*>(self);
        if (frame->hd.type == NGHTTP2_SETTINGS) connection.got_settings_ = true;
        if (frame->hd.type == NGHTTP2_GOAWAY) {
            connection.draining_ = true;
            if (frame->goaway.error_code == NGHTTP2_ENHANCE_YOUR_CALM)
                connection.told_to_calm_ = true;
        }
        Stream* stream = find(self, frame->hd.stream_id);
        if (stream == nullptr) return 0;
        if (frame->hd.type == NGHTTP2_HEADERS) stream->metadata.add_line("");
        bool has_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
        if (has_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            connection.stream_ended(*stream, NGHTTP2_NO_ERROR);
            // The server may have heard enough before we have said all; a stream whose both sides
            // have ended is closed already, and this does nothing.
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                      NGHTTP2_NO_ERROR);
        }
        return 0;
    }

    static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                       const std::uint8_t* data, std::size_t size, void* self) {
        nghttp2_session_consume_connection(session, size);
        Stream* stream = find(self, id);
        if (stream == nullptr) return 0;
        stream->unconsumed += size;
        // The body of something else, such as a gateway's page about its trouble, is passed over.
        if (stream->metadata.is_grpc()) {
            for (std::string& message : stream->decoder.feed(view(data, size)))
                stream->state->deliver(std::move(message));
            if (stream->decoder.failure()) {
                static_cast<Connection*>(self)->fail(id, *stream, *stream->decoder.failure());
                return 0;
            }
        }
        if (!stream->state->has_room()) return 0;
        nghttp2_session_consume_stream(session, id, stream->unconsumed);
        stream->unconsumed = 0;
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* self) {
        if (Stream* stream = find(self, id)) {
            auto& connection = *static_cast<Connection*>(self);
            connection.stream_ended(*stream, error);
            connection.streams_.erase(id);
        }
        return 0;
    }

    static ssize_t on_read(nghttp2_session*, std::int32_t id, std::uint8_t* target,
                           std::size_t size, std::uint32_t* flags, nghttp2_data_source*,
                           void* self) {
        Stream* stream = find(self, id);
        std::size_t copied = 0;
        auto give = stream == nullptr
                        ? CallState::Give::end
                        : stream->state->take(reinterpret_cast<char*>(target), size, copied);
        if (give == CallState::Give::pause) {
            stream->deferred = true;
            return NGHTTP2_ERR_DEFERRED;
        }
        if (give == CallState::Give::end) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(copied);
    }
};

Connection::Connection(const ChannelOptions& options, const PingTimes& ping,
                       std::unique_ptr<Transport> transport)
    : options_(options), transport_(std::move(transport)), keepalive_(ping, Clock::now()) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
    nghttp2_option* choices = nullptr;
    nghttp2_option_new(&choices);
    nghttp2_option_set_no_auto_window_update(choices, 1);
    nghttp2_session_client_new2(&session_, callbacks, this, choices);
    nghttp2_option_del(choices);
    nghttp2_session_callbacks_del(callbacks);
    const std::array<nghttp2_settings_entry, 3> settings = {
        {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window_bytes},
         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, ResponseMetadata::max_bytes}}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window_bytes);
}

Connection::~Connection() {
    nghttp2_session_del(session_);
    for (auto& [id, stream] : streams_) stream.state->end({StatusCode::unavailable, reason_, {}});
}

void Connection::start(const Order& order) {
    std::vector<std::pair<std::string, std::string>> fields = {
        {":method", "POST"},
        {":scheme", options_.tls ? "https" : "http"},
        {":path", order.path},
        {":authority", options_.target},
        {"te", "trailers"},
        {"content-type", "application/grpc+proto"},
        {"user-agent", "grpc-c++-osiekit/" OSIEKIT_VERSION}};
    if (order.options.timeout)
        fields.emplace_back("grpc-timeout", timeout_text(*order.options.timeout));
    fields.insert(fields.end(), order.options.metadata.begin(), order.options.metadata.end());
    std::vector<nghttp2_nv> block;
    block.reserve(fields.size());
    for (const auto& [name, value] : fields) block.push_back(field(name, value));
    nghttp2_data_provider provider{};
    provider.read_callback = Callbacks::on_read;
    std::int32_t id =
        nghttp2_submit_request(session_, nullptr, block.data(), block.size(), &provider, nullptr);
    if (id < 0) {
        draining_ = true;  // out of stream numbers
        order.state->end({StatusCode::unavailable, nghttp2_strerror(id), {}});
        return;
    }
    streams_.emplace(
        id, Stream{order.state, order.deadline, {}, MessageDecoder(options_.max_message_bytes)});
}

void Connection::fail(std::int32_t id, Stream& stream, RpcStatus status) {
    stream.state->end(std::move(status));
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
}

void Connection::stream_ended(Stream& stream, std::uint32_t error_code) {
    // A server that is done may reset the stream after its trailers.
    if (error_code != NGHTTP2_NO_ERROR && !stream.metadata.ended()) {
        stream.state->end({StatusCode::unavailable,
                           std::string("the server broke the call off (HTTP/2 ") +
                               nghttp2_http2_strerror(error_code) + ")",
                           {}});
        return;
    }
    RpcStatus status = stream.metadata.status();
    if (status.ok() && !stream.decoder.between_messages())
        status = {StatusCode::internal, "the server ended the call within a message", {}};
    stream.state->end(std::move(status));
}

std::optional<Clock::time_point> Connection::next_deadline() const {
    auto next = keepalive_.next(!streams_.empty());
    for (const auto& [id, stream] : streams_)
        if (stream.deadline && !stream.state->over() && (!next || *stream.deadline < *next))
            next = stream.deadline;
    return next;
}

void Connection::tend_streams() {
    auto now = Clock::now();
    for (auto& [id, stream] : streams_) {
        if (stream.deadline && *stream.deadline <= now)
            stream.state->end(
                {StatusCode::deadline_exceeded, "the server did not answer in time", {}});
        if (stream.state->over()) {
            nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
            continue;
        }
        if (stream.deferred && stream.state->something_to_send()) {
            stream.deferred = false;
            nghttp2_session_resume_data(session_, id);
        }
        if (stream.unconsumed > 0 && stream.state->has_room()) {
            nghttp2_session_consume_stream(session_, id, stream.unconsumed);
            stream.unconsumed = 0;
        }
    }
}

Status Connection::tend_peer() {
    auto now = Clock::now();
    switch (keepalive_.due(now, !streams_.empty())) {
        case Keepalive::Due::nothing:
            break;
        case Keepalive::Due::ping:
            nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
            keepalive_.pinged(now);
            break;
        case Keepalive::Due::give_up:
            return Error(ErrorKind::network,
                         "the server does not answer, though its machine does (HTTP/2 PING)");
    }
    return {};
}

Status Connection::receive() {
    std::array<char, 16384> buffer;
    while (true) {
        OSIEKIT_ASSIGN(std::size_t got, transport_->receive(buffer.data(), buffer.size()));
        if (got == 0) return {};
        keepalive_.heard(Clock::now());
        auto taken = nghttp2_session_mem_recv(
            session_, reinterpret_cast<const std::uint8_t*>(buffer.data()), got);
        // nghttp2 says GOAWAY to what is no HTTP/2, and then has nothing more to do.
        if (taken < 0 || nghttp2_session_want_read(session_) == 0)
            return Error(ErrorKind::network,
                         got_settings_ ? "the server broke the rules of HTTP/2"
                                       : "the server does not speak HTTP/2, which gRPC needs");
    }
}

Status Connection::send() {
    while (true) {
        if (unsent_.empty()) {
            const std::uint8_t* data = nullptr;
            ssize_t size = nghttp2_session_mem_send(session_, &data);
            if (size < 0)
                return Error(ErrorKind::internal, nghttp2_strerror(static_cast<int>(size)));
            if (size == 0) return {};
            unsent_ = view(data, static_cast<std::size_t>(size));
        }
        OSIEKIT_ASSIGN(std::size_t sent, transport_->send(unsent_));
        if (sent == 0) return {};
        unsent_.erase(0, sent);
    }
}

bool Connection::work() {
    tend_streams();
    Status done = send();
    if (done) done = receive();
    if (done) done = tend_peer();
    if (done) {
        tend_streams();
        done = send();
    }
    if (!done) {
        reason_ = done.error().message();
        return false;
    }
    return !(draining_ && streams_.empty());
}

}  // namespace osiekit::rpc
