#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "server/netboot/tftp/transfer.hpp"

using namespace osiekit::netboot::tftp;
using namespace std::chrono_literals;

namespace {

// A client that keeps what it was sent.
class Wire {
  public:
    Send send() {
        return [this](std::string_view head, std::string_view body) {
            datagrams.push_back(std::string(head) + std::string(body));
        };
    }
    // Block numbers of the DATA datagrams since the last call.
    std::vector<unsigned> blocks() {
        std::vector<unsigned> numbers;
        for (const auto& datagram : datagrams) {
            REQUIRE(datagram.at(1) == 3);
            numbers.push_back(static_cast<unsigned char>(datagram.at(2)) * 256U +
                              static_cast<unsigned char>(datagram.at(3)));
        }
        datagrams.clear();
        return numbers;
    }
    std::vector<std::string> datagrams;
};

std::shared_ptr<const std::string> bytes(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 256);
    return std::make_shared<const std::string>(text);
}

ReadRequest options(std::uint32_t block, std::uint32_t window = 1) {
    ReadRequest request;
    request.block_size = block;
    if (window > 1) request.window_size = window;
    return request;
}

using Blocks = std::vector<unsigned>;
const Clock::time_point start{};

}  // namespace

TEST_CASE("without options the first answer is the first block of 512 bytes") {
    Wire wire;
    Transfer transfer(bytes(600), ReadRequest{}, largest_block_size);
    transfer.begin(start, wire.send());
    REQUIRE(wire.datagrams.size() == 1);
    CHECK(wire.datagrams[0].size() == 4 + 512);
    CHECK(wire.blocks() == Blocks{1});
    transfer.on_ack(1, start, wire.send());
    CHECK(wire.datagrams.at(0).size() == 4 + 88);
    transfer.on_ack(2, start, wire.send());
    CHECK(transfer.state() == Transfer::State::done);
}

TEST_CASE("a file that is a whole number of blocks ends with an empty one") {
    Wire wire;
    Transfer transfer(bytes(1024), ReadRequest{}, largest_block_size);
    CHECK(transfer.block_count() == 3);
    transfer.begin(start, wire.send());
    transfer.on_ack(1, start, wire.send());
    wire.datagrams.clear();
    transfer.on_ack(2, start, wire.send());
    CHECK(wire.datagrams.at(0).size() == 4);
    transfer.on_ack(3, start, wire.send());
    CHECK(transfer.state() == Transfer::State::done);
}

TEST_CASE("an empty file is one empty block") {
    Wire wire;
    Transfer transfer(bytes(0), ReadRequest{}, largest_block_size);
    transfer.begin(start, wire.send());
    CHECK(wire.datagrams.at(0).size() == 4);
    transfer.on_ack(1, start, wire.send());
    CHECK(transfer.state() == Transfer::State::done);
}

TEST_CASE("options are agreed on before data, and lowered to what fits") {
    Wire wire;
    auto request = options(60000, 65535);
    request.wants_size = true;
    request.timeout_seconds = 3;
    Transfer transfer(bytes(10), request, 1468);
    transfer.begin(start, wire.send());
    CHECK(wire.datagrams.at(0) ==
          oack_datagram(
              {{"blksize", 1468}, {"tsize", 10}, {"timeout", 3}, {"windowsize", largest_window}}));
    wire.datagrams.clear();
    transfer.on_ack(1, start, wire.send());  // not the answer to an OACK
    CHECK(wire.datagrams.empty());
    transfer.on_ack(0, start, wire.send());
    CHECK(wire.blocks() == Blocks{1});
    CHECK(transfer.deadline() == start + 3s);
}

TEST_CASE("a window is sent at once and the next after its last block") {
    Wire wire;
    Transfer transfer(bytes(95), options(10, 4), largest_block_size);
    transfer.begin(start, wire.send());
    wire.datagrams.clear();
    transfer.on_ack(0, start, wire.send());
    CHECK(wire.blocks() == Blocks{1, 2, 3, 4});
    transfer.on_ack(4, start, wire.send());
    CHECK(wire.blocks() == Blocks{5, 6, 7, 8});
    transfer.on_ack(8, start, wire.send());
    CHECK(wire.blocks() == Blocks{9, 10});
    transfer.on_ack(10, start, wire.send());
    CHECK(transfer.state() == Transfer::State::done);
}

TEST_CASE("a gap in a window is sent again from the gap on, once") {
    Wire wire;
    Transfer transfer(bytes(95), options(10, 4), largest_block_size);
    transfer.begin(start, wire.send());
    transfer.on_ack(0, start, wire.send());
    wire.datagrams.clear();
    transfer.on_ack(2, start, wire.send());  // 3 was lost
    CHECK(wire.blocks() == Blocks{3, 4, 5, 6});
    transfer.on_ack(2, start, wire.send());  // 3 again
    CHECK(wire.blocks() == Blocks{3, 4, 5, 6});
    transfer.on_ack(2, start, wire.send());
    CHECK(wire.datagrams.empty());
    transfer.on_ack(6, start, wire.send());
    CHECK(wire.blocks() == Blocks{7, 8, 9, 10});
}

TEST_CASE("a repeated acknowledgement is not answered with data at window size 1") {
    Wire wire;
    Transfer transfer(bytes(95), options(10), largest_block_size);
    transfer.begin(start, wire.send());
    transfer.on_ack(0, start, wire.send());
    transfer.on_ack(1, start, wire.send());
    wire.datagrams.clear();
    transfer.on_ack(1, start, wire.send());
    transfer.on_ack(0, start, wire.send());
    transfer.on_ack(77, start, wire.send());  // never sent
    CHECK(wire.datagrams.empty());
}

TEST_CASE("what is not acknowledged is sent again with growing pauses, then given up") {
    Wire wire;
    Transfer transfer(bytes(95), options(10), largest_block_size);
    transfer.begin(start, wire.send());
    transfer.on_ack(0, start, wire.send());
    auto now = start;
    transfer.on_timer(now, wire.send());  // too early
    std::vector<std::chrono::milliseconds> pauses;
    wire.datagrams.clear();
    for (unsigned i = 0; i < largest_retry_count; ++i) {
        pauses.push_back(
            std::chrono::duration_cast<std::chrono::milliseconds>(transfer.deadline() - now));
        now = transfer.deadline();
        transfer.on_timer(now, wire.send());
        CHECK(wire.blocks() == Blocks{1});
    }
    CHECK(pauses == std::vector<std::chrono::milliseconds>{500ms, 1s, 2s, 4s, 8s});
    CHECK(transfer.state() == Transfer::State::active);
    transfer.on_timer(transfer.deadline(), wire.send());
    CHECK(transfer.state() == Transfer::State::failed);
    CHECK(wire.datagrams.empty());
}

TEST_CASE("progress starts the pauses anew") {
    Wire wire;
    Transfer transfer(bytes(95), options(10), largest_block_size);
    transfer.begin(start, wire.send());
    transfer.on_timer(transfer.deadline(), wire.send());
    transfer.on_timer(transfer.deadline(), wire.send());
    auto now = transfer.deadline();
    transfer.on_ack(0, now, wire.send());
    CHECK(transfer.deadline() == now + first_retry_delay);
}

TEST_CASE("block numbers go on at 0 after 65535") {
    Wire wire;
    constexpr std::uint64_t count = 65536 + 10;
    Transfer transfer(bytes(count * 8), options(8, 64), largest_block_size);
    transfer.begin(start, wire.send());
    std::string received;
    transfer.on_ack(0, start, wire.send());
    wire.datagrams.erase(wire.datagrams.begin());
    while (transfer.state() == Transfer::State::active) {
        REQUIRE_FALSE(wire.datagrams.empty());
        unsigned last = 0;
        for (const auto& datagram : wire.datagrams) received += datagram.substr(4);
        for (unsigned number : wire.blocks()) last = number;
        transfer.on_ack(static_cast<std::uint16_t>(last), start, wire.send());
    }
    CHECK(transfer.state() == Transfer::State::done);
    CHECK((received == *bytes(count * 8)));
}
