#include <catch2/catch.hpp>
#include <string>

#include "server/netboot/tftp/packet.hpp"

using namespace osiekit::netboot::tftp;
using namespace std::string_literals;

namespace {

std::string request(const std::string& rest) {
    return "\0\1"s + rest;
}

ReadRequest read_request(const std::string& bytes) {
    auto packet = parse(bytes);
    REQUIRE(std::holds_alternative<ReadRequest>(packet));
    return std::get<ReadRequest>(packet);
}

ErrorCode refusal(const std::string& bytes) {
    auto packet = parse(bytes);
    REQUIRE(std::holds_alternative<Refusal>(packet));
    return std::get<Refusal>(packet).code;
}

}  // namespace

TEST_CASE("a request as OVMF sends it") {
    auto parsed = read_request(
        request("snponly.efi\0octet\0tsize\0000\0blksize\0001468\0windowsize\0004\0"s));
    CHECK(parsed.file == "snponly.efi");
    CHECK(parsed.wants_size);
    CHECK(parsed.block_size == 1468U);
    CHECK(parsed.window_size == 4U);
    CHECK_FALSE(parsed.timeout_seconds);
    CHECK_FALSE(parsed.netascii);
}

TEST_CASE("options are matched in any case, unknown and impossible ones are as if absent") {
    auto parsed = read_request(
        request("x\0OCTET\0BlkSize\000512\0multicast\0\0timeout\0000\0windowsize\00065536\0"s));
    CHECK(parsed.block_size == 512U);
    CHECK_FALSE(parsed.timeout_seconds);
    CHECK_FALSE(parsed.window_size);
}

TEST_CASE("the block size at its limits and beyond them") {
    for (const auto& [text, taken] : {std::pair{"7"s, false},
                                      {"8"s, true},
                                      {"65464"s, true},
                                      {"65465"s, false},
                                      {"-1"s, false},
                                      {"4294967304"s, false}}) {
        INFO(text);
        auto parsed = read_request(request("x\0octet\0blksize\0"s + text + "\0"s));
        CHECK(parsed.block_size.has_value() == taken);
    }
}

TEST_CASE("a request that breaks off after the mode still counts") {
    CHECK(read_request(request("x\0octet\0blks"s)).file == "x");
    CHECK(read_request(request("x\0octet\0blksize\0"s)).file == "x");
    CHECK(read_request(request("x\0octet\0blksize\0001468"s)).file == "x");
}

TEST_CASE("what is refused, and how") {
    CHECK(refusal("\0\2x\0octet\0"s) == ErrorCode::access_violation);  // write
    CHECK(refusal(request("x")) == ErrorCode::illegal_operation);
    CHECK(refusal(request("x\0octet"s)) == ErrorCode::illegal_operation);
    CHECK(refusal(request("x\0mail\0"s)) == ErrorCode::illegal_operation);
    CHECK(refusal(request("\0octet\0"s)) == ErrorCode::access_violation);
    CHECK(refusal("\0\3\0\1data"s) == ErrorCode::illegal_operation);
    CHECK(refusal("\xff\xff"s) == ErrorCode::illegal_operation);
}

TEST_CASE("a file name at the limit is taken and one above it is refused") {
    const std::string longest(largest_file_name, 'x');
    CHECK(read_request(request(longest + "\0octet\0"s)).file == longest);
    CHECK(refusal(request(longest + "y\0octet\0"s)) == ErrorCode::access_violation);
}

TEST_CASE("a request at the size limit is taken and one above it is refused") {
    auto bytes = request("x\0octet\0"s);
    bytes.resize(largest_request, '\0');
    CHECK(read_request(bytes).file == "x");
    bytes += '\0';
    CHECK(refusal(bytes) == ErrorCode::illegal_operation);
}

TEST_CASE("the option behind the last that is counted is left alone") {
    std::string options;
    for (std::size_t i = 1; i < largest_option_count; ++i) options += "o\0v\0"s;
    const auto head = request("x\0octet\0"s + options);
    CHECK(read_request(head + "blksize\0001024\0"s).block_size == 1024U);
    CHECK_FALSE(read_request(head + "o\0v\0blksize\0001024\0"s).block_size);
}

TEST_CASE("acknowledgements, errors and scraps") {
    CHECK(std::get<Acknowledgement>(parse("\0\4\x12\x34"s)).block == 0x1234);
    auto error = std::get<PeerError>(parse("\0\5\0\10User aborted\0"s));
    CHECK(error.code == 8);
    CHECK(error.message == "User aborted");
    CHECK(std::get<PeerError>(parse("\0\5\0\1\x1b[2J"s)).message.find('\x1b') == std::string::npos);
    for (const auto& scrap : {""s, "\0"s, "\0\4"s, "\0\4\1"s, "\0\5\0"s})
        CHECK(std::holds_alternative<PeerError>(parse(scrap)));
}

TEST_CASE("answers as bytes") {
    CHECK(error_datagram(ErrorCode::not_found, "no such file") == "\0\5\0\1no such file\0"s);
    CHECK(oack_datagram({{"blksize", 1468}, {"tsize", 7}}) == "\0\6blksize\0001468\0tsize\0007\0"s);
}

TEST_CASE("file names: folders, slashes of both kinds, trace suffixes") {
    const std::string trace = "-00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
    CHECK(interpret_file_name("undionly.kpxe").base == "undionly.kpxe");
    CHECK(interpret_file_name("/undionly.kpxe").base == "undionly.kpxe");
    CHECK(interpret_file_name("\\boot\\x.efi").base == "x.efi");
    auto with_mac = interpret_file_name("/52:54:00:aa:bb:01/ipxe.efi" + trace);
    CHECK(with_mac.base == "ipxe.efi");
    CHECK(with_mac.folder == "52:54:00:aa:bb:01");
    CHECK(interpret_file_name("a/b//c").folder == "a/b");
    CHECK(interpret_file_name(trace).base == trace);
    CHECK(interpret_file_name("x-00-0123456789abcdef0123456789abcdeg-0123456789abcdef-01").base !=
          "x");
    for (const auto& bad : {"../etc/passwd"s, "a/../b"s, "a\\..\\b"s, "a/"s, "/"s, "a\nb"s})
        CHECK(interpret_file_name(bad).base.empty());
}
