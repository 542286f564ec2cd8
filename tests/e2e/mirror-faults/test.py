"""What osiekit makes of a mirror that is down, lacks files, breaks off, serves other bytes, is badly signed, out of date,
busy or slow: the error says what was attempted, where, why and what to do; nothing half-written is left; and once the
mirror is well again, the same cache gives the right image."""

import contextlib
import hashlib
import pathlib
import socket
import tempfile
import time

from harness import deb_repository, paths
from harness.deb_site import OUTPUTS, Site, pending

CUT_AT = 300 * 1024
MANY = 100
TRICKLE_SECONDS = 0.05  # between two bytes
INRELEASE = "/dists/test/InRelease"
PACKAGES = "/dists/test/main/binary-amd64/Packages"
BETA = "/pool/beta_1.0_amd64.deb"
SOURCES = "/etc/apt/sources.list.d/test.sources"


def run(context):
    with tempfile.TemporaryDirectory(prefix="mirror-faults-") as name:
        site = Trouble(context, pathlib.Path(name))
        try:
            site.build(site.folder / "cache", site.folder / "first")
            for part in (check_down, check_absent, check_cut, check_other_bytes, check_signature, check_expired,
                         check_busy, check_slow):
                context.report.say(f"  {part.__name__.removeprefix('check_')}")
                part(context, site)
                context.equal(site.server.faults, [], "the faults that nobody met")
        finally:
            site.server.stop()


class Trouble(Site):
    def beta(self):
        return (self.repository.mirror / BETA.lstrip("/")).read_bytes()

    def fails(self, name, *texts, command="build", status=1, fault=None, **more):
        """A build from an empty cache that has to fail and to say all this; gives the cache. The fault, of the server,
        lasts as long as the build."""
        if fault is not None:
            self.server.faults = [fault] * MANY
        cache, out = self.folder / f"{name}-cache", self.folder / f"{name}-out"
        words = self.command(cache, out)
        if command != "build":
            words = self.repository.command(command, str(self.profile), "--cache", str(cache), "--programs",
                                            str(paths.RELEASE_BIN))
        done = self.run(words, **more)
        if fault is not None:
            self.context.check(len(self.server.faults) < MANY, f"{name}: the fault was met")
            self.server.faults = []
        self.context.equal(done.returncode, status, f"{name}: the exit code of {command} ({done.stderr})")
        for text in texts:
            self.context.check(text in done.stderr, f"{name}: the error of {command} says “{text}”: {done.stderr}")
        self.context.equal(done.stdout, "", f"{name}: what {command} prints")
        self.context.check(not out.exists(), f"{name}: there is no output")
        self.context.check(not self.profile.with_suffix(".lock").exists(), f"{name}: there is no lock file")
        self.context.equal(pending(cache), [], f"{name}: unfinished files in the cache")
        return cache

    def recovers(self, name):
        """The build that failed, now that the mirror is well."""
        self.build(self.folder / f"{name}-cache", self.folder / f"{name}-out")
        self.check_cache(self.folder / f"{name}-cache")

    def begun(self, cache):
        """The begun downloads, but for those of other packages: they may have been under way when this one failed, and
        are continued next time."""
        others = {hashlib.sha256(data).hexdigest(): data for data in self.other_packages()}
        begun = sorted((cache / "partial").iterdir())
        for path in begun:
            kept = path.read_bytes()
            if path.name in others:
                self.context.check(kept != b"" and others[path.name].startswith(kept), f"{path} is the begin of a package")
        return [path for path in begun if path.name not in others]

    def other_packages(self):
        return [path.read_bytes() for path in self.repository.mirror.rglob("*.deb")
                if path != self.repository.mirror / BETA.lstrip("/")]

    def has(self, cache, content):
        return (cache / "blobs" / "sha256" / hashlib.sha256(content).hexdigest()).exists()


def answer(request, status, body, headers=()):
    request.send_response(status)
    for name, value in headers:
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    with contextlib.suppress(OSError):
        request.wfile.write(body)


def cut(at):
    """The beginning of what was asked for, and an end of the connection."""
    def fault(request, data):
        first = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        request.send_response(206 if first else 200)
        request.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - first))
        request.end_headers()
        with contextlib.suppress(OSError):
            request.wfile.write(data[first:first + at])
    return fault


def other(change):
    def fault(request, data):
        answer(request, 200, change(data))
    return fault


def busy(seconds):
    def fault(request, _data):
        answer(request, 503, b"later", [("Retry-After", str(seconds))])
    return fault


def silent(request, data):
    """Headers, some bytes, and then nothing until the client goes away."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data[:CUT_AT])
    with contextlib.suppress(OSError):
        request.connection.recv(1)


def trickle(request, data):
    request.send_response(200)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    with contextlib.suppress(OSError):
        request.wfile.write(data[:CUT_AT])
        for at in range(CUT_AT, len(data)):
            request.wfile.write(data[at:at + 1])
            time.sleep(TRICKLE_SECONDS)


def check_down(context, site):
    # Bound, but nobody listens there, and nobody else gets the port.
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        site.repository.use(gone)
        where = f"{site.profile}:3: kernel package {deb_repository.KERNEL}"
        texts = (where, f"reading the release of {gone} test", f"GET {gone}{INRELEASE}: Failed to connect to 127.0.0.1",
                 "(hint: look after the network")
        site.fails("down", f"osiekit: building {site.profile}: {where}", *texts)
        site.fails("down-plan", f"osiekit: planning {site.profile}: {where}", *texts, command="plan")
        site.fails("down-lock", f"osiekit: locking {site.profile}: {where}", *texts, command="lock", status=2)
    site.repository.use(site.server.url)
    site.recovers("down")


def check_absent(context, site):
    for name, path, hint in (("no-release", INRELEASE, f"check URI and suite of the source at {SOURCES}:1"),
                             ("no-index", PACKAGES, "the mirror may be in the middle of an update"),
                             ("no-package", BETA, "the mirror may be in the middle of an update")):
        file = site.repository.mirror / path.lstrip("/")
        hidden = file.rename(file.with_suffix(".hidden"))
        before = site.server.count(path)
        try:
            cache = site.fails(name, f"building {site.profile}: ", f"GET {site.server.url}{path}: HTTP status 404", hint)
        finally:
            hidden.rename(file)
        # Once more where the mirror may have been updated since its release was read.
        context.check(site.server.count(path) - before in (1, 2), f"{name}: it is asked for once or twice")
        context.equal(site.begun(cache), [], f"{name}: begun downloads")
        site.recovers(name)


def check_cut(context, site):
    """A package that breaks off is continued where it stopped, in the same build and in the next."""
    site.server.faults = [(BETA, cut(CUT_AT))]
    cache = site.folder / "cut-once-cache"
    site.server.ranges.clear()
    site.build(cache, site.folder / "cut-once")
    context.check(f"bytes={CUT_AT}-" in site.server.ranges, f"the rest is asked for: {site.server.ranges}")
    site.check_cache(cache)
    site.server.faults = [(BETA, cut(CUT_AT))] + [(BETA, cut(0))] * 3
    cache = site.fails("cut", f"building {site.profile}: ", f"GET {site.server.url}{BETA}: transfer closed with",
                       "(hint: look after the network")
    kept = site.begun(cache)
    context.equal([path.name for path in kept], [hashlib.sha256(site.beta()).hexdigest()], "the begun downloads")
    context.equal(kept[0].read_bytes(), site.beta()[:CUT_AT], "what is kept of the package")
    site.server.ranges.clear()
    site.recovers("cut")
    context.check(f"bytes={CUT_AT}-" in site.server.ranges, f"the next build asks for the rest: {site.server.ranges}")
    context.equal(site.begun(cache), [], "the begun downloads after that")
    site.server.faults = [(INRELEASE, cut(100)), (PACKAGES, cut(100))]
    site.build(site.folder / "cut-indexes-cache", site.folder / "cut-indexes")


def flipped(data):
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


def check_other_bytes(context, site):
    beta, index = site.beta(), (site.repository.mirror / PACKAGES.lstrip("/")).read_bytes()
    for name, path, right in (("other-package", BETA, beta), ("other-index", PACKAGES, index)):
        wrong = flipped(right)
        cache = site.fails(name, f"building {site.profile}: ", f"wrong content at {site.server.url}{path}",
                           f"expected SHA-256 {hashlib.sha256(right).hexdigest()} ({len(right)} bytes)",
                           f"got {hashlib.sha256(wrong).hexdigest()} ({len(wrong)} bytes)",
                           "nothing of it was kept", fault=(path, other(flipped)))
        context.equal(site.begun(cache), [], f"{name}: begun downloads")
        context.check(not site.has(cache, wrong) and not site.has(cache, right), f"{name}: nothing of it is in the cache")
        site.recovers(name)
    cache = site.fails("longer", f"{site.server.url}{BETA} is longer than the {len(beta)} bytes",
                       fault=(BETA, other(lambda data: data + b"more")))
    context.equal(site.begun(cache), [], "longer: begun downloads")
    site.recovers("longer")


def check_signature(context, site):
    where = f"verifying {site.server.url}{INRELEASE}: "
    for name, change, why, hint in (
            ("changed-release", lambda data: data.replace(b"Components: main", b"Components: evil"),
             "the signature is not accepted: the signature of key ", "check Signed-By of the source"),
            ("unsigned", lambda data: b"Suite: test\n", "this is not one clear-signed message",
             "a login to the network may be needed"),
            ("web-page", lambda data: b"<html>Please log in.</html>", "this is not one clear-signed message",
             "a login to the network may be needed")):
        cache = site.fails(name, f"building {site.profile}: ", where, why, hint, fault=(INRELEASE, other(change)))
        fetched = {entry["kind"] for entry in site.cache("ls", cache)[0]["entries"]} & {"release", "index", "package"}
        context.equal(fetched, set(), f"{name}: what of the mirror is in the cache")
        context.check(not (cache / "releases").exists(), f"{name}: the release is not remembered")
        site.recovers(name)


def check_expired(context, site):
    site.repository.publish("Valid-Until: Tue, 21 Nov 2023 22:13:20 UTC\n")
    try:
        cache = site.fails("expired", f"building {site.profile}: ", f"reading the release of {site.server.url} test",
                           "the release file has expired ", " days ago", "Check-Valid-Until: no",
                           f"in the source at {SOURCES}:1")
        # As the host's apt is configured.
        settings = site.folder / "apt.conf"
        settings.write_text('Acquire::Check-Valid-Until "false";\n', encoding="utf-8")
        site.build(cache, site.folder / "not-minded", APT_CONFIG=str(settings))
        site.fails("expired", "the release file has expired ")
        settings.write_text('Acquire::Min-ValidTime "9000000000";\n', encoding="utf-8")
        site.build(cache, site.folder / "valid-longer", APT_CONFIG=str(settings))
    finally:
        site.repository.publish()
    site.recovers("expired")


def check_busy(context, site):
    for path in (INRELEASE, PACKAGES, BETA):
        site.server.faults.append((path, busy(1)))
    site.build(site.folder / "busy-cache", site.folder / "busy")
    for name, path in (("busy-release", INRELEASE), ("busy-package", BETA)):
        before = site.server.count(path)
        site.fails(name, f"GET {site.server.url}{path}: HTTP status 503",
                   "(hint: the server asks to be left alone for 3600 seconds", fault=(path, busy(3600)))
        context.equal(site.server.count(path) - before, 1, f"{name}: how often it is asked for")
        site.recovers(name)


def check_slow(context, site):
    """A transfer that is silent or trickles for as long as apt's timeout says is begun anew, from where it was."""
    settings = site.folder / "apt.conf"
    settings.write_text('Acquire::http::Timeout "1";\n', encoding="utf-8")
    for name, fault in (("silent", silent), ("trickle", trickle)):
        site.server.faults = [(BETA, fault)]
        site.server.ranges.clear()
        site.build(site.folder / f"{name}-cache", site.folder / name, APT_CONFIG=str(settings))
        rest = [int(text.removeprefix("bytes=").removesuffix("-")) for text in site.server.ranges if text]
        context.check(rest and rest[0] >= CUT_AT, f"{name}: the rest is asked for: {rest}")
    context.equal(sorted(path.name for path in (site.folder / "trickle").iterdir()), sorted(OUTPUTS), "the outputs")
