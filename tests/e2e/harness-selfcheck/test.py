"""The harness is a program too: the parts of it that a wrong answer could hide in."""

import pathlib
import re
import subprocess
import tempfile

from harness import apt, netns, osie_image, processes, terminal
from harness.console import Console, plain
from harness.errors import HarnessError, tail
from harness.protobuf import Message
from harness.scenario import E2E
from harness.testing import scenarios

SOURCES = """Types: deb deb-src
# a comment between the fields
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://other.example/tools
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""
LIST = """# deb http://commented.example bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main
deb http://mirror.example/security bookworm-security main  # trailing
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian trixie main
"""


def run(context):
    check_sources(context)
    check_console(context)
    check_processes(context)
    check_namespace(context)
    check_fallback(context)
    check_screen(context)
    check_table(context)
    check_protobuf(context)


def check_table(context):
    table = re.findall(r"^\| `([a-z0-9-]+)` \|", (E2E / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    context.equal(table, scenarios(), "the scenarios in the README's table")


def check_protobuf(context):
    """The examples of protobuf.dev's document of the encoding."""
    context.equal(Message(b"\x08\x96\x01").number(1), 150, "a number")
    context.equal(Message(b"\x12\x07testing").text(2), "testing", "a text")
    context.equal(Message(b"\x1a\x03\x08\x96\x01").message(3).number(1), 150, "a message in a message")
    context.equal(Message(b"\x0a\x01a\x0a\x01b").texts(1), ["a", "b"], "a list")
    context.equal((Message(b"").text(1), Message(b"").number(1), Message(b"").messages(1)), ("", 0, []), "what is absent")


def check_sources(context):
    stanzas = apt.deb822_stanzas(SOURCES, "bookworm")
    context.equal(len(stanzas), 1, "the stanzas of the suite that are switched on")
    context.check("mirror.example" in stanzas[0] and " .\n" in stanzas[0], "the whole stanza with its key")
    context.check("comment" not in stanzas[0], "a stanza without comments")
    context.equal(len(apt.one_line_entries(LIST, "bookworm")), 2, "the one-line entries of the suite")
    context.equal(apt.one_line_entries("deb\n[broken\ndeb [x\n", "bookworm"), [], "the entries of a broken file")


def check_fallback(context):
    """Only where nobody is there is an image made from the cache alone."""
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "build.log"

        def tries(text):
            tried = []

            def attempt(flags):
                tried.append(flags)
                if not flags:
                    with open(log, "a", encoding="utf-8") as file:
                        file.write(f"osiekit: building p.yaml: {text}\n")
                    raise HarnessError("osiekit failed")
                return "from the cache"

            try:
                return osie_image.from_mirror_or_cache(attempt, log, said.append), tried
            except HarnessError:
                return None, tried

        said = []
        for text in ("GET http://m.example/x: Failed to connect to m.example port 80 after 1 ms: Couldn't connect to server",
                     "GET http://m.example/x: Could not resolve host: m.example"):
            context.equal(tries(text), ("from the cache", [[], ["--offline"]]), f"what follows “{text}”")
        context.equal(len(said), 2, "how often it is said")
        # What an earlier run has said does not count.
        for text in ("GET http://m.example/x: HTTP status 404", "wrong content at http://m.example/x: expected SHA-256 a",
                     "verifying http://m.example/InRelease: the signature is not accepted: it is bad",
                     "GET http://m.example/x: transfer closed with 7 bytes remaining to read"):
            context.equal(tries(text), (None, [[]]), f"what follows “{text}”")
        context.equal(len(said), 2, "how often it is said then")


def check_screen(context):
    context.equal(terminal.screen("fetching\r\x1b[Kpacking 1%\rP\r\n\r\x1b[K"), ["Packing 1%", ""], "the screen in the end")
    context.equal(terminal.drawn("one\r\x1b[Ktwo\r\nthree"), ["one", "two", "three"], "what was drawn")


def check_console(context):
    context.equal(plain("\x1b[0;1mname\x1b[0m\r\n\x07"), "name\n", "text without its escapes")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "console.log"
        console = Console(path)
        context.equal(console.poll(), "", "a console that does not exist yet")
        path.write_bytes(b"one \x1b[3")
        console.poll()
        with open(path, "ab") as file:
            file.write(b"2mtwo\nhost-1 login: ")
        match = console.wait_for(r"^(\S*)\s*(\S+) login: ", 1.0, check=lambda: None)
        context.equal(console.text, "one two\nhost-1 login: ", "an escape cut in two")
        context.check(match.group(0).startswith("host-1"), "the login prompt")
        try:
            console.wait_for("never", 0.2, check=lambda: None)
        except HarnessError as error:
            context.check("never" in str(error), "the pattern in the message of a wait that timed out")
        else:
            context.check(False, "waiting for what never comes fails")


def check_processes(context):
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "log"
        try:
            processes.run_logged(["sh", "-c", "echo reason; exit 3"], log)
        except HarnessError as error:
            context.check("exit code 3" in str(error), "the exit code in the message")
            context.equal(tail(error.log)[-1], "reason", "the end of the log")
        else:
            context.check(False, "a failing command raises")
        service = processes.Service("a service", ["sh", "-c", "sleep 1000 & sleep 1000"], log)
        group = service.process.pid
        context.check(processes.group_is_alive(group), "the processes of a running service are seen")
        service.stop()
        context.check(not processes.group_is_alive(group), "no process of a stopped service is left")


def check_namespace(context):
    with tempfile.TemporaryDirectory() as folder:
        with netns.NetworkNamespace(pathlib.Path(folder) / "log") as namespace:
            service = namespace.service("sleeper", ["sleep", "1000"], pathlib.Path(folder) / "sleep.log")
            links = namespace.run(["ip", "-o", "link"])
            context.check(netns.BRIDGE in links and netns.TAP in links, f"a bridge and a tap device in {links}")
            context.check(service.process.pid in namespace.pids(), "the sleeper among the processes inside")
            inside = namespace.pids()
        context.check(service.wait(5) is not None, "what runs in the namespace ends with it")
        left = [pid for pid in inside if pathlib.Path(f"/proc/{pid}/exe").exists()]
        context.equal(left, [], "the processes left of the namespace")
        outside = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
        context.check(f"{netns.TAP}:" not in outside, f"no device of it outside, in {outside}")
