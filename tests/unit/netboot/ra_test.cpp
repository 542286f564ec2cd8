#include <catch2/catch.hpp>
#include <string>

#include "lib/base/text.hpp"
#include "server/netboot/ra/message.hpp"
#include "server/netboot/seen.hpp"
#include "tests/unit/netboot/support.hpp"

using namespace osiekit;
using namespace osiekit::netboot;
using namespace std::chrono_literals;

namespace {

const std::string link_local = *from_hex("fe80000000000000505400fffeaabb01");
const std::string other_source = *from_hex("20010db8000000000000000000000001");

std::string solicitation(const std::string& options_hex) {
    return *from_hex("8500abcd00000000" + options_hex);
}

}  // namespace

TEST_CASE("who solicits: the option says it, else the EUI-64") {
    auto mac = test::example_mac();
    CHECK(ra::solicitor(solicitation("0101525400aabb01"), other_source) == mac);
    CHECK(ra::solicitor(solicitation("0501000000000000"
                                     "0101525400aabb01"),
                        other_source) == mac);
    CHECK(ra::solicitor(solicitation(""), link_local) == mac);
    CHECK_FALSE(ra::solicitor(solicitation(""), other_source));
    CHECK_FALSE(ra::solicitor(solicitation(""), ""));
}

TEST_CASE("malformed solicitations are nobody's") {
    CHECK_FALSE(ra::solicitor("", link_local));
    CHECK_FALSE(ra::solicitor(*from_hex("8500abcd0000"), link_local));
    CHECK_FALSE(ra::solicitor(*from_hex("8501abcd00000000"), link_local));
    CHECK_FALSE(ra::solicitor(*from_hex("8600abcd00000000"), link_local));
    CHECK_FALSE(ra::solicitor(solicitation("0100525400aabb01"), link_local));
    CHECK_FALSE(ra::solicitor(solicitation("0102525400aabb01"), link_local));
    CHECK_FALSE(ra::solicitor(solicitation("01"), link_local));
}

TEST_CASE("our advertisement offers nothing") {
    auto bytes = ra::empty_advertisement();
    CHECK(to_hex(bytes) == "86000000000000000000000000000000");
    CHECK_FALSE(ra::is_real_router(bytes));
    bytes[7] = 30;
    CHECK(ra::is_real_router(bytes));
    CHECK_FALSE(ra::is_real_router("\x86"));
}

TEST_CASE("machines are remembered as what they last showed themselves") {
    SeenMachines seen;
    const SeenMachines::Clock::time_point now{};
    auto mac = test::example_mac();
    CHECK_FALSE(seen.runs_ipxe(mac, now));
    seen.saw(mac, Ipv4(192, 0, 2, 20), true, now);
    CHECK(seen.runs_ipxe(mac, now + SeenMachines::ipxe_memory));
    CHECK_FALSE(seen.runs_ipxe(mac, now + SeenMachines::ipxe_memory + 1ms));
    CHECK(seen.by_address(Ipv4(192, 0, 2, 20)) == mac);
    seen.saw(mac, Ipv4(192, 0, 2, 21), false, now);
    CHECK_FALSE(seen.runs_ipxe(mac, now));
    CHECK_FALSE(seen.by_address(Ipv4(192, 0, 2, 20)));
    CHECK(seen.by_address(Ipv4(192, 0, 2, 21)) == mac);
}

TEST_CASE("the machine seen longest ago makes room for one above the limit") {
    SeenMachines seen;
    const SeenMachines::Clock::time_point start{};
    auto mac = [](std::size_t i) {
        return *MacAddress::from_bytes(std::string("\x02\0\0\0", 4) + static_cast<char>(i >> 8U) +
                                       static_cast<char>(i));
    };
    auto address = [](std::size_t i) { return Ipv4(static_cast<std::uint32_t>(i)); };
    for (std::size_t i = 1; i <= SeenMachines::largest_count; ++i)
        seen.saw(mac(i), address(i), true, start + std::chrono::milliseconds(i));
    CHECK(seen.by_address(address(1)) == mac(1));
    constexpr auto more = SeenMachines::largest_count + 1;
    seen.saw(mac(more), address(more), true, start + std::chrono::milliseconds(more));
    CHECK_FALSE(seen.by_address(address(1)));
    CHECK(seen.by_address(address(2)) == mac(2));
    CHECK(seen.by_address(address(more)) == mac(more));
}
