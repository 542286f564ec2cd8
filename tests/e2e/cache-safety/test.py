"""The cache survives what builds go through: two at once, kill -9 and Ctrl-C at any moment, damage of every kind, gc
beside a build, a full disk, a disk that cannot be written. Whatever happens, a build gives the right bytes or an error,
and never half an image."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from harness import deb_repository, deb_site, osie_image, paths
from harness.deb_site import LIMIT_SECONDS, OUTPUTS, pending
from harness.processes import output_of

SEED = 20261126
KILLS = 6
INTERRUPTS = 2
CLOCK_REALTIME_COARSE = 5  # time.h; Python has no name for it


class Site(deb_site.Site):
    events = 0


def run(context):
    with tempfile.TemporaryDirectory(prefix="cache-safety-") as name:
        site = Site(context, pathlib.Path(name))
        try:
            site.build(site.folder / "cache", site.folder / "first")
            site.check_cache(site.folder / "cache")
            count_events(site)
            for part in (check_parallel, check_kills, check_left_over, check_interrupts, check_damage, check_collection,
                         check_another_user, check_full_disk, check_read_only):
                context.report.say(f"  {part.__name__.removeprefix('check_').replace('_', ' ')}")
                part(context, site)
        finally:
            site.server.stop()


def check_parallel(context, site):
    """Two builds on one empty cache: the same bytes, and each package is fetched once."""
    cache = site.folder / "parallel-cache"
    site.server.requests.clear()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for build in [pool.submit(site.build, cache, site.folder / f"parallel-{i}") for i in range(2)]:
            build.result()
    for i in range(2):
        for name in OUTPUTS:
            context.check((site.folder / f"parallel-{i}" / name).read_bytes() == site.expected[name],
                          f"{name} of the parallel build {i} is right")
    for name in (deb_repository.KERNEL, "alpha", "beta", "gamma"):
        context.equal(site.server.count(f"/pool/{name}_"), 1, f"the requests for {name}")
    site.check_cache(cache)


class Watched:
    """A build whose visible progress is counted: chunks that the server sends, and lines that the build says. At the
    event of the given number it gets the signal."""

    def __init__(self, site, cache, out, at, number):
        self._lock = threading.Lock()
        self.events = 0
        self._at, self._number = at, number
        self._process = None
        self._started = threading.Event()
        site.server.moved = lambda path: self._event()
        self._process = site.start(cache, out)
        self._started.set()
        self.text = ""
        for line in self._process.stderr:
            self.text += line
            self._event()
        self.code = self._process.wait(LIMIT_SECONDS)
        site.server.moved = lambda path: None

    def _event(self):
        self._started.wait()
        with self._lock:
            self.events += 1
            if self.events == self._at:
                self._process.send_signal(self._number)


def count_events(site):
    """How much a build shows of its progress, from an empty cache."""
    watched = Watched(site, site.folder / "counted-cache", site.folder / "counted", 0, 0)
    site.context.equal(watched.code, 0, f"the exit code of the counted build ({watched.text[-500:]})")
    site.context.check(watched.events > 20, f"a build has many events: {watched.events}")
    site.events = watched.events


def check_kills(context, site):
    moments = random.Random(SEED)
    killed = 0
    for i in range(KILLS):
        cache, out = site.folder / f"killed-cache-{i}", site.folder / f"killed-{i}"
        # Some builds are killed again and again, each time somewhere else.
        for _ in range(1 + i % 2):
            watched = Watched(site, cache, out, moments.randrange(1, site.events), signal.SIGKILL)
            killed += watched.code == -signal.SIGKILL
            for name in OUTPUTS:
                context.check(not (out / name).exists() or (out / name).read_bytes() == site.expected[name],
                              f"{name} is whole or absent after kill -9")
        site.build(cache, out)
        site.check_cache(cache)
    context.check(killed > KILLS // 2, f"builds were killed before they ended: {killed}")


def check_left_over(context, site):
    """A build that dies while it writes the image leaves a piece of it, and the next build removes that."""
    cache, out = site.folder / "cache", site.folder / "left-over"
    # The kernel has more blocks than the limit: the kernel ends the process in the middle of the file.
    limited = ["sh", "-c", 'ulimit -c 0; ulimit -f 1024; exec "$@"', "sh"]
    done = site.run(limited + site.command(cache, out))
    context.equal(done.returncode, -signal.SIGXFSZ, f"how a build ends that may not write so much ({done.stderr})")
    left = pending(out)
    context.check(len(left) == 1 and "/vmlinuz.partial." in left[0], f"it leaves a piece of the kernel: {left}")
    context.equal([path.name for path in out.iterdir() if path.name in OUTPUTS], [], "outputs of a build that died")
    site.build(cache, out)
    context.equal(sorted(path.name for path in out.iterdir()), sorted(OUTPUTS), "what is there after the next build")


def check_interrupts(context, site):
    moments = random.Random(SEED + 1)
    for i in range(INTERRUPTS):
        cache, out = site.folder / f"interrupted-cache-{i}", site.folder / f"interrupted-{i}"
        # In the first half: packages are being fetched, the build cannot end before the signal is there.
        watched = Watched(site, cache, out, moments.randrange(1, site.events // 2), signal.SIGINT)
        context.equal(watched.code, 130, f"the exit code after Ctrl-C ({watched.text[-500:]})")
        context.check(not out.exists() or not list(out.iterdir()), "Ctrl-C leaves no output")
        context.equal(pending(cache), [], "what Ctrl-C leaves in the cache")
        site.build(cache, out)
        site.check_cache(cache)


def truncated(data):
    return data[:len(data) // 2]


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]


def damage(files, how):
    for file in files:
        path = pathlib.Path(file)
        before = path.stat()
        # File times advance by the kernel's tick, and the write has to have a later one.
        while time.clock_gettime_ns(CLOCK_REALTIME_COARSE) <= before.st_ctime_ns:
            pass
        path.chmod(0o644)
        path.write_bytes(how(path.read_bytes()))
        # As if nobody had been there.
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        path.chmod(0o444)


def check_damage(context, site):
    cache, out = site.folder / "cache", site.folder / "damaged"
    kinds = {entry["kind"] for entry in site.cache("ls", cache)[0]["entries"]}
    for kind in ("package", "index", "release", "kernel", "modules", "segment", "recipe", "resolution"):
        context.check(kind in kinds, f"the cache has entries of the kind {kind}: {kinds}")
    for how in (truncated, flipped):
        for wanted in (*sorted(kinds), None):
            files = [entry["file"] for entry in site.cache("ls", cache)[0]["entries"]
                     if wanted in (None, entry["kind"])]
            site.server.requests.clear()
            damage(files, how)
            site.build(cache, out)
            if wanted in ("package", None):
                context.equal(site.server.count("/pool/"), 4, "the packages that are fetched anew")
    site.cache("verify", cache)  # removes what no build has needed since
    site.check_cache(cache)


@contextlib.contextmanager
def waiting_at(site, part):
    """The server lets a body whose path has this part wait until this ends; tells when it is asked for."""
    reached, go_on = threading.Event(), threading.Event()

    def wait(path):
        if part in path:
            reached.set()
            go_on.wait(LIMIT_SECONDS)

    site.server.moved = wait
    try:
        yield reached
    finally:
        go_on.set()
        site.server.moved = lambda path: None


def check_collection(context, site):
    """gc in the middle of a build takes nothing that the build uses."""
    cache, out = site.folder / "cache", site.folder / "collected"
    site.build(cache, out)
    entries = site.cache("ls", cache)[0]["entries"]
    gamma = next(entry["file"] for entry in entries if entry["name"] == "gamma 1.0")
    pathlib.Path(gamma).unlink()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    try:
        with waiting_at(site, "gamma") as reached:
            build = pool.submit(site.build, cache, site.folder / "beside-gc")
            context.check(reached.wait(LIMIT_SECONDS), "the build fetches the package that is missing")
            freed = site.cache("gc", cache, "--keep-days", "0")[0]
            left = {entry["name"]: entry["in_use"] for entry in site.cache("ls", cache)[0]["entries"]}
        build.result()
    finally:
        pool.shutdown()
    context.check(freed["freed"] > 0, "gc frees what the build has not used yet")
    for name in ("alpha 1.0", "beta 1.0"):
        context.equal(left.get(name), True, f"whether {name} is in use")
    for name in OUTPUTS:
        context.check((site.folder / "beside-gc" / name).read_bytes() == site.expected[name],
                      f"{name} of the build beside gc is right")
    site.check_cache(cache)
    collected = site.cache("gc", cache, "--keep-days", "0")[0]
    context.equal(collected["kept_entries"], 0, "what gc keeps when nobody is at work")


class Shared:
    """A cache that belongs to nobody, who has no rights, and that root uses as well."""

    def __init__(self, site):
        self.site = site
        self.user = pwd.getpwnam("nobody")
        self.cache = site.folder / "shared-cache"
        self.programs = site.folder / "shared-bin"
        self.home = site.folder / "nobody"
        site.folder.chmod(0o755)
        self.programs.mkdir()
        for name in ("osiekit", "osie-init"):
            shutil.copy2(paths.program(name), self.programs)
        for folder in (self.cache, self.home):
            folder.mkdir()
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)

    def start(self, name, as_nobody):
        words = ["build", str(self.site.profile), "--cache", str(self.cache), "--out", str(self.home / name), "--programs",
                 str(self.programs)]
        before = osie_image.drop_rights(self.user) if as_nobody else []
        command = self.site.repository.command(*words, before=before, program=self.programs / "osiekit")
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                text=True, env={**deb_repository.environment(), "HOME": str(self.home)})

    def collect(self, as_nobody):
        before = osie_image.drop_rights(self.user) if as_nobody else []
        return json.loads(output_of([*before, str(self.programs / "osiekit"), "cache", "gc", "--keep-days", "0", "--json",
                                     "--cache", str(self.cache)]))


def check_another_user(context, site):
    """What one user's build uses, another user's gc leaves, whoever of them is root."""
    shared = Shared(site)
    first = shared.start("first", as_nobody=True)
    _, text = first.communicate(timeout=LIMIT_SECONDS)
    context.equal(first.returncode, 0, f"the exit code of nobody's build ({text[-500:]})")
    for name, builder_is_nobody, hidden in (("by-nobody", True, False), ("by-root", False, False),
                                            ("unreadable", False, True)):
        (shared.cache / "blobs" / "sha256" / site.digest("gamma")).unlink()
        with waiting_at(site, "gamma") as reached:
            build = shared.start(name, builder_is_nobody)
            context.check(reached.wait(LIMIT_SECONDS), f"{name}: the build fetches the package that is missing")
            leases = list((shared.cache / "leases").iterdir())
            owner = shared.user.pw_uid if builder_is_nobody else os.geteuid()
            context.check(owner in {lease.stat().st_uid for lease in leases}, f"{name}: who has a lease")
            if hidden:
                for lease in leases:
                    lease.chmod(0o600)
            freed = shared.collect(as_nobody=not builder_is_nobody)
            for package in ("alpha", "beta"):
                context.check((shared.cache / "blobs" / "sha256" / site.digest(package)).exists(),
                              f"{name}: {package} is still there")
            if hidden:
                context.equal(freed["removed"], [], f"{name}: what is removed, where it cannot be known what is used")
        _, text = build.communicate(timeout=LIMIT_SECONDS)
        context.equal(build.returncode, 0, f"{name}: the exit code of the build ({text[-500:]})")
        for output in OUTPUTS:
            context.check((shared.home / name / output).read_bytes() == site.expected[output],
                          f"{name}: {output} has the bytes of the first build")


def in_mount(site, setup, words):
    """A command in a mount namespace of its own, after the commands of `setup`."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'set -e; {setup}; exec "$@"', "sh", *words]


def failed(context, site, setup, words, expected):
    done = subprocess.run(in_mount(site, setup, words), capture_output=True, text=True, check=False,
                          env=deb_repository.environment(), timeout=LIMIT_SECONDS)
    context.equal(done.returncode, 1, f"the exit code where writing is not possible ({done.stderr[-500:]})")
    context.check(expected in done.stderr, f"the error says “{expected}”: {done.stderr[-500:]}")


def check_full_disk(context, site):
    """Cache and output on file systems that are too small: an error, no half output, and the cache still works."""
    cache, out, disk = site.folder / "full-cache", site.folder / "full", site.folder / "disk"
    for folder in (cache, disk):
        folder.mkdir()
    # Too small for the packages, for what is made of them, for the image.
    for size in ("600k", "8m"):
        script = (f"mount -t tmpfs -o size={size} none {cache}; set +e; \"$@\"; code=$?; "
                  f"cp -a {cache}/. {disk}; exit $code; true")
        failed(context, site, script, site.command(cache, out), "No space left on device")
        context.check(not out.exists() or not list(out.iterdir()), "a full disk leaves no output")
        context.equal(pending(disk), [], "what a full disk leaves")
        site.build(disk, site.folder / "after-full")
        site.check_cache(disk)
        subprocess.run(["rm", "-r", str(disk)], check=True)
        disk.mkdir()
    out.mkdir(exist_ok=True)
    script = (f"mount -t tmpfs -o size=1m none {out}; set +e; \"$@\"; code=$?; ls -A {out} >&2; "
              f"test -z \"$(ls -A {out})\" || exit 77; exit $code; true")
    failed(context, site, script, site.command(site.folder / "parallel-cache", out), "No space left on device")


def check_read_only(context, site):
    """From a cache that cannot be written, a build takes what is there; it says what it cannot do."""
    cache, out = site.folder / "parallel-cache", site.folder / "read-only"
    read_only = "mount --bind {0} {0}; mount -o remount,ro,bind {0}"
    done = subprocess.run(in_mount(site, read_only.format(cache), site.command(cache, out, "--offline")),
                          capture_output=True, text=True, check=False, env=deb_repository.environment(),
                          timeout=LIMIT_SECONDS)
    context.equal(done.returncode, 0, f"the exit code of a build from a cache that cannot be written ({done.stderr})")
    for name in OUTPUTS:
        context.check((out / name).read_bytes() == site.expected[name], f"{name} from the read-only cache is right")
    empty = site.folder / "empty-cache"
    empty.mkdir()
    failed(context, site, read_only.format(empty), site.command(empty, site.folder / "none"), "Read-only file system")
    target = site.folder / "read-only-out"
    target.mkdir()
    failed(context, site, read_only.format(target), site.command(cache, target), "Read-only file system")
    context.equal(list(target.iterdir()), [], "what is in an output that cannot be written")
