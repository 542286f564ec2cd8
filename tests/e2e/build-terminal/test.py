"""What a person sees of a build: on a terminal one line with a bar, bytes and rate, as wide as the window, and nothing of
it in the end; Ctrl-C ends it without a trace; in a log plain lines; with --quiet nothing."""

import pathlib
import re
import tempfile
import threading

from harness import deb_repository
from harness.deb_repository import KERNEL
from harness.deb_site import LIMIT_SECONDS, Site, pending
from harness.terminal import Terminal, drawn, screen

STEP_SECONDS = 0.02
NUMBERS = r"[0-9.]+ ([KM]i)?B of [0-9.]+ ([KM]i)?B, [0-9.]+ ([KM]i)?B/s"
BAR = rf"finding packages \[#+ +\] +[0-9]+%  {NUMBERS}"
STAGES = ("finding packages", "choosing modules", "collecting files", "packing segments", "writing the image")
CTRL_C = b"\x03"


def run(context):
    with tempfile.TemporaryDirectory(prefix="build-terminal-") as name:
        site = Watched(context, pathlib.Path(name))
        try:
            site.build(site.folder / "cache", site.folder / "first")
            for part in (check_bar, check_narrow, check_interrupt, check_dumb, check_quiet, check_log, check_colour):
                context.report.say(f"  {part.__name__.removeprefix('check_')}")
                part(context, site)
        finally:
            site.server.stop()


class Watched(Site):
    def on_terminal(self, name, *flags, columns=100, **more):
        environment = {**deb_repository.environment(), "TERM": "xterm", **more}
        environment = {key: value for key, value in environment.items() if value is not None}
        return Terminal(self.command(self.folder / f"{name}-cache", self.folder / name, *flags), environment, columns)

    def steadily(self, until):
        """The kernel's package comes half at once, then byte by byte until somebody has seen enough."""
        def fault(request, data):
            request.send_response(200)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            half = len(data) // 2
            request.wfile.write(data[:half])
            try:
                while not until.wait(STEP_SECONDS) and half < len(data):
                    request.wfile.write(data[half:half + 1])
                    half += 1
                request.wfile.write(data[half:])
            except OSError:
                pass  # the build was interrupted
        self.server.faults = [(f"/{KERNEL}_", fault)]

    def watch(self, name, pattern, **more):
        """A build whose kernel does not arrive before the pattern is on the screen; gives all that it wrote."""
        seen = threading.Event()
        self.steadily(seen)
        terminal = self.on_terminal(name, **more)
        try:
            shown = terminal.wait_for(pattern, LIMIT_SECONDS)
        finally:
            seen.set()
            code = terminal.wait(LIMIT_SECONDS)
        self.context.check(shown, f"the terminal shows “{pattern}”: {terminal.text!r}")
        self.context.equal(code, 0, f"the exit code of the build on a terminal ({terminal.text!r})")
        return terminal


def check_bar(context, site):
    terminal = site.watch("bar", BAR)
    lines = screen(terminal.text)
    context.check(lines[0].startswith("site: kernel "), f"nothing of the bar stays before the summary: {lines}")
    context.check(not any("[#" in line or "B/s" in line for line in lines), f"no bar stays on the screen: {lines}")
    context.equal(lines[-1], "", "the line that the prompt comes to")
    context.check(all(len(line) < 100 for line in drawn(terminal.text)), "no line is wider than the window")


def check_narrow(context, site):
    terminal = site.watch("narrow", rf"\x1b\[K{NUMBERS}", columns=40)
    rewritten = [line for line in drawn(terminal.text) if "B/s" in line]
    for line in rewritten:
        context.check(len(line) < 40 and re.search(NUMBERS, line), f"“{line}” fits into 40 columns, and has the numbers")


def check_interrupt(context, site):
    site.steadily(threading.Event())
    terminal = site.on_terminal("interrupted")
    try:
        shown = terminal.wait_for(BAR, LIMIT_SECONDS)
        terminal.press(CTRL_C)
    finally:
        code = terminal.wait(LIMIT_SECONDS)
    context.check(shown, f"the terminal shows a bar: {terminal.text!r}")
    context.equal(code, 130, f"the exit code after Ctrl-C ({terminal.text!r})")
    context.equal(terminal.settings_after, terminal.settings, "the settings of the terminal")
    lines = screen(terminal.text)
    context.equal(len(lines), 2, f"the lines on the screen: {lines}")
    context.check(re.search(r"osiekit:.* building .*: (cancelled|interrupted)$", lines[0]), f"what is said: {lines}")
    context.equal(lines[1], "", "the line that the prompt comes to")
    context.check(not (site.folder / "interrupted").exists(), "Ctrl-C leaves no output")
    context.equal(pending(site.folder / "interrupted-cache"), [], "what Ctrl-C leaves in the cache")
    site.build(site.folder / "interrupted-cache", site.folder / "interrupted")
    site.check_cache(site.folder / "interrupted-cache")


def stages_of(text):
    return [line for line in text.splitlines() if line in STAGES]


def check_dumb(context, site):
    """A terminal that cannot rewrite a line, as Emacs has it, gets what a log gets."""
    for name, kind in (("dumb", "dumb"), ("nameless", None)):
        terminal = site.on_terminal(name, TERM=kind)
        context.equal(terminal.wait(LIMIT_SECONDS), 0, f"the exit code on a {name} terminal ({terminal.text!r})")
        context.check("\x1b" not in terminal.text, f"a {name} terminal gets no control sequences: {terminal.text!r}")
        context.equal(stages_of(terminal.text), list(STAGES), f"the stages on a {name} terminal")


def check_quiet(context, site):
    terminal = site.on_terminal("quiet", "--quiet")
    context.equal(terminal.wait(LIMIT_SECONDS), 0, "the exit code with --quiet")
    context.equal(terminal.text, "", "what --quiet writes to a terminal")
    done = site.run(site.command(site.folder / "quiet-cache", site.folder / "quiet-log", "--quiet"))
    context.equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "what --quiet writes to a log")


def check_log(context, site):
    done = site.run(site.command(site.folder / "log-cache", site.folder / "log"), TERM="xterm")
    context.equal(done.returncode, 0, "the exit code of a build in a log")
    context.check(not set("\x1b\r\b") & set(done.stderr + done.stdout), f"a log has plain lines: {done.stderr!r}")
    context.equal(stages_of(done.stderr), list(STAGES), "the stages in a log")


def check_colour(context, site):
    """Errors have a red name where colours are wanted."""
    site.profile = site.folder / "wrong.yaml"
    site.profile.write_text("name: site\npakages: []\n", encoding="utf-8")
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        terminal = site.on_terminal("colour", **more)
        context.equal(terminal.wait(LIMIT_SECONDS), 2, f"the exit code of a wrong profile ({terminal.text!r})")
        context.check("unknown key" in terminal.text, f"the error is shown: {terminal.text!r}")
        context.equal("\x1b[31m" in terminal.text, coloured, f"whether there is colour with {more}")
