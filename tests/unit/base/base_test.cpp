#include <fcntl.h>

#include <catch2/catch.hpp>

#include "lib/base/bytes.hpp"
#include "lib/base/child.hpp"
#include "lib/base/cmdline.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

using namespace osiekit;

namespace {
Result<int> half(int n) {
    if (n % 2 != 0) return Error(ErrorKind::invalid_input, "odd").hint("give an even number");
    return n / 2;
}
Result<int> quarter(int n) {
    OSIEKIT_ASSIGN(int once, half(n).context("first half"));
    OSIEKIT_ASSIGN(int twice, half(once).context("second half"));
    return twice;
}
}  // namespace

TEST_CASE("an error carries what was attempted, outermost first, and the hint last") {
    REQUIRE(quarter(8).value() == 2);
    auto failed = quarter(6).context("quartering 6");
    REQUIRE_FALSE(failed);
    REQUIRE(failed.error().to_string() ==
            "quartering 6: second half: odd (hint: give an even number)");
    REQUIRE(exit_status(failed.error()) == 2);
}

TEST_CASE("errno becomes kind and text") {
    auto error = Error::from_errno("cannot open x", ENOENT);
    REQUIRE(error.kind() == ErrorKind::not_found);
    REQUIRE(error.to_string() == "cannot open x: No such file or directory");
    REQUIRE(Error::from_errno("x", EACCES).kind() == ErrorKind::io);
}

TEST_CASE("a descriptor has one owner") {
    Fd a(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    int number = a.get();
    Fd b = std::move(a);
    REQUIRE_FALSE(a);  // NOLINT(bugprone-use-after-move): its emptiness is what is tested
    REQUIRE(b.get() == number);
    Fd c(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    c = std::move(b);
    REQUIRE(c.get() == number);
    c.reset();
    REQUIRE(::fcntl(number, F_GETFD) == -1);
    auto& self = c;
    c = std::move(self);
    REQUIRE_FALSE(c);
}

TEST_CASE("digests are parsed, printed and compared as values") {
    auto empty = Sha256::of("");
    REQUIRE(empty.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    REQUIRE(Sha256::parse(empty.oci()).value() == empty);
    REQUIRE(Sha256::parse(empty.hex()).value() == empty);
    REQUIRE_FALSE(Sha256::parse("sha256:../../etc/passwd"));
    REQUIRE_FALSE(Sha256::parse(empty.hex() + "0"));
    Sha256Stream stream;
    stream.update("ab");
    stream.update("c");
    REQUIRE(stream.finish() == Sha256::of("abc"));
}

TEST_CASE("the kernel command line: last value wins, quotes group, bare keys stay") {
    auto line = KernelCommandLine::parse(
        "a=1 quiet a=2 url=http://x/?q=1 \"msg=two words\" tls=true off=false\n");
    REQUIRE(line.get("a") == "2");
    REQUIRE(line.has("quiet"));
    REQUIRE(line.flag("quiet"));
    REQUIRE(line.get("url") == "http://x/?q=1");
    REQUIRE(line.get("msg") == "two words");
    REQUIRE(line.flag("tls"));
    REQUIRE_FALSE(line.flag("off"));
    REQUIRE_FALSE(line.flag("absent"));
    REQUIRE(line.get("absent", "fallback") == "fallback");
}

TEST_CASE("a byte reader remembers that it ran past the end") {
    ByteReader reader(std::string_view("\x01\x02\x03", 3));
    REQUIRE(reader.u16() == 0x0102);
    REQUIRE(reader.u16() == 0);
    REQUIRE(reader.failed());
    ByteWriter writer;
    writer.u32(0x01020304);
    REQUIRE(writer.bytes() == std::string("\x01\x02\x03\x04"));
}

TEST_CASE("a command's outputs and exit status are collected") {
    auto output = run_command({"sh", "-c", "echo out; echo err >&2; exit 3"}).value();
    REQUIRE(output.exit_code == 3);
    REQUIRE(output.out == "out\n");
    REQUIRE(output.err == "err\n");
    REQUIRE(run_command({"osiekit-no-such-program"}).error().kind() == ErrorKind::not_found);
    REQUIRE(run_command({"sh", "-c", "kill -9 $$"}).value().exit_code == 128 + 9);
}

TEST_CASE("a command that writes more than the limit is stopped") {
    REQUIRE(run_command({"head", "-c", "1000", "/dev/zero"}, 1000).value().out.size() == 1000);
    REQUIRE(run_command({"head", "-c", "1001", "/dev/zero"}, 1000).error().kind() ==
            ErrorKind::limit);
}
