"""The host's apt configuration, for programs that take a list of sources: no mirror is named in this tree."""

from __future__ import annotations

import pathlib
import re
import subprocess

from .errors import HarnessError

SOURCES_DIR = pathlib.Path("/etc/apt/sources.list.d")
ONE_LINE_FILE = pathlib.Path("/etc/apt/sources.list")


def host_suite() -> str:
    """The code name of the Debian release that this host runs."""
    for line in pathlib.Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME" and value:
            return value.strip('"')
    raise HarnessError("cannot tell which Debian release this is: /etc/os-release has no VERSION_CODENAME",
                       hint="run on Debian 12")


def _is_of_suite(name: str, suite: str) -> bool:
    return name == suite or name.startswith((suite + "-", suite + "/"))


def deb822_stanzas(text: str, suite: str) -> list[str]:
    """The enabled binary stanzas of a .sources file that belong to the suite, without comments."""
    chosen = []
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
        fields = {}
        key = ""
        for line in lines:
            if line[0] in " \t":
                fields[key] = fields.get(key, "") + " " + line.strip()
            else:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        if any(_is_of_suite(name, suite) for name in fields.get("suites", "").split()):
            chosen.append("\n".join(lines) + "\n")
    return chosen


def one_line_entries(text: str, suite: str) -> list[str]:
    """The `deb` lines of a .list file that belong to the suite."""
    chosen = []
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        words = re.sub(r"\[[^]]*\]", "", line).split()
        if len(words) >= 3 and words[0] == "deb" and _is_of_suite(words[2], suite):
            chosen.append(line + "\n")
    return chosen


def write_sources(folder: pathlib.Path, suite: str) -> list[pathlib.Path]:
    """Writes the host's sources of the suite as files that mmdebstrap accepts; one per format."""
    stanzas: list[str] = []
    entries: list[str] = []
    for path in [ONE_LINE_FILE, *sorted(SOURCES_DIR.glob("*"))]:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".sources":
            stanzas += deb822_stanzas(text, suite)
        elif path.suffix == ".list":
            entries += one_line_entries(text, suite)
    written = []
    for name, parts, joiner in (("debian.sources", stanzas, "\n"), ("debian.list", entries, "")):
        if parts:
            path = folder / name
            path.write_text(joiner.join(parts), encoding="utf-8")
            written.append(path)
    if not written:
        raise HarnessError(f"the host's apt configuration has no source of the suite “{suite}”",
                           hint="look at /etc/apt/sources.list and /etc/apt/sources.list.d")
    return written


def proxy_options() -> list[str]:
    """The host's apt proxy settings in apt's own syntax, for an apt that does not read the host's files."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return [line.rstrip(";") for line in dump.splitlines()
            if re.match(r"Acquire::(http|https)::(Proxy|Proxy::|CaInfo)", line) and not line.endswith('"";')]
