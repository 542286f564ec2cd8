// A datagram to the TFTP server: what is read from it stays within its limits, and a transfer that
// it opens sends every byte of the file.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "server/netboot/tftp/packet.hpp"
#include "server/netboot/tftp/transfer.hpp"

using namespace osiekit::netboot::tftp;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

void run_transfer(const ReadRequest& request) {
    static const auto content = std::make_shared<const std::string>(5000, 'x');
    constexpr std::uint32_t largest_block = 1468;
    Transfer transfer(content, request, largest_block);
    std::uint16_t last = 0;
    std::size_t received = 0;
    Send send = [&](std::string_view head, std::string_view body) {
        require(head.size() + body.size() <= 4 + largest_block || head.size() > 4);
        if (head.at(1) != 3) return;
        last = static_cast<std::uint16_t>(static_cast<unsigned char>(head[2]) << 8U |
                                          static_cast<unsigned char>(head[3]));
        received += body.size();
    };
    const Clock::time_point now{};
    transfer.begin(now, send);
    if (received == 0) transfer.on_ack(0, now, send);
    while (transfer.state() == Transfer::State::active) transfer.on_ack(last, now, send);
    require(transfer.state() == Transfer::State::done && received == content->size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto packet = parse({reinterpret_cast<const char*>(data), size});
    const auto* request = std::get_if<ReadRequest>(&packet);
    if (request == nullptr) return 0;
    require(!request->file.empty() && request->file.size() <= largest_file_name);
    auto name = interpret_file_name(request->file);
    require(name.base.find('/') == std::string::npos && name.base != "..");
    run_transfer(*request);
    return 0;
}
