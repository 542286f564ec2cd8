"""A lock goes on with a mirror that goes on: what is new in the profile comes in, what is named moves, all the rest stays,
and what changed is printed, for people and as JSON. The image follows the lock."""

import json
import pathlib
import shutil
import tempfile

from harness import apk_repository, deb_repository, paths
from harness.deb_repository import Package
from harness.deb_site import Site


def run(context):
    with tempfile.TemporaryDirectory(prefix="lock-moves-") as name:
        site = Locked(context, pathlib.Path(name))
        try:
            follow(context, site)
            follow_alpine(context, site)
        finally:
            site.server.stop()


class Locked(Site):
    def lock(self, *words, status=0):
        done = self.run(self.repository.command("lock", str(self.profile), "--cache", str(self.folder / "cache"),
                                                "--programs", str(paths.RELEASE_BIN), *words))
        self.context.equal(done.returncode, status, f"the exit code of lock {' '.join(words)} ({done.stderr})")
        return done.stdout if status == 0 else done.stderr

    def versions(self):
        lock = json.loads(self.profile.with_suffix(".lock").read_text(encoding="utf-8"))
        return {package["name"]: package["version"] for package in lock["packages"]}

    def wants(self, packages):
        text = self.profile.read_text(encoding="utf-8")
        before = next(line for line in text.splitlines() if line.startswith("packages:"))
        self.profile.write_text(text.replace(before, f"packages: [{packages}]"), encoding="utf-8")

    def contents(self):
        """What a locked build has of each package."""
        out = self.folder / "out"
        done = self.run(self.command(self.folder / "cache", out, "--locked"))
        self.context.equal(done.returncode, 0, f"the exit code of a locked build ({done.stderr})")
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        return {package["name"]: package["version"] for package in manifest["packages"]}


def follow(context, site):
    kernel = {deb_repository.KERNEL: "6.1-1"}
    printed = site.lock()
    first = {"alpha": "1.0", "beta": "1.0", "gamma": "1.0", **kernel}
    for name, version in first.items():
        context.check(f"+ package debian {name} {version}" in printed, f"the first lock tells of {name}: {printed}")
    context.equal(site.versions(), first, "the first lock")
    site.repository.add([Package(name, version, {f"srv/{name}-{version}": b"new\n"}, depends)
                         for name, version, depends in (("beta", "1.1", ""), ("gamma", "1.1", ""),
                                                        ("delta", "2.0", "epsilon"), ("epsilon", "3.0", ""))])
    site.repository.publish()
    site.wants("alpha, beta, gamma, delta")
    # A package that is new in the profile, by its name.
    changes = [change for change in json.loads(site.lock("--update", "delta", "--json")) if change["kind"] == "package"]
    context.equal({(change["name"], change.get("before"), change["after"].split()[0]) for change in changes},
                  {("debian delta", None, "2.0"), ("debian epsilon", None, "3.0")}, "the packages that change")
    second = {**first, "delta": "2.0", "epsilon": "3.0"}
    context.equal(site.versions(), second, "the lock with what is new in the profile")
    context.equal(site.contents(), second, "the image of that lock")
    printed = site.lock("--update", "beta")
    context.equal([line for line in printed.splitlines() if "package" in line],
                  [line for line in printed.splitlines() if line.startswith("! package debian beta 1.0 -> 1.1")],
                  f"the packages that are printed ({printed})")
    context.equal(site.versions(), {**second, "beta": "1.1"}, "the lock where one package has moved")
    context.check("neither the lock nor the profile has a package \"gama\" (hint: did you mean \"gamma\"?)"
                  in site.lock("--update", "gama", status=2), "a name that is none is told of")
    # A name that is new again, in an older profile, and one that goes.
    site.wants("beta, delta")
    printed = site.lock("--update", "epsilon")
    for name in ("alpha", "gamma"):
        context.check(f"- package debian {name} 1.0" in printed, f"it is told that {name} goes: {printed}")
    third = {"beta": "1.1", "delta": "2.0", "epsilon": "3.0", **kernel}
    context.equal(site.versions(), third, "the lock of the smaller profile")
    site.wants("alpha, beta, gamma, delta")
    site.lock("--update")
    moved = {**third, "alpha": "1.0", "gamma": "1.1"}
    context.equal(site.versions(), moved, "the lock where all may move")
    # The mirror was asked a moment ago. What it did not have then is a reason to ask it again, without being told to.
    site.repository.add([Package("zeta", "1.0", {"srv/zeta": b"new\n"})])
    site.repository.publish()
    site.wants("alpha, beta, gamma, delta, zeta")
    site.lock()
    context.equal(site.versions(), {**moved, "zeta": "1.0"}, "the lock with what the mirror has had since")


def follow_alpine(context, site):
    """Alpine's indexes have no digests, so that a lock fetches packages; the mirror moves on between index and package."""
    folder = site.folder / "alpine"
    key = apk_repository.Key(folder, "test")
    mirrors = apk_repository.Mirrors(folder)
    try:
        site.profile = site.profile.with_name("alpine.yaml")
        site.profile.write_text(f"""name: alpine
kernel: {{package: {deb_repository.KERNEL}}}
packages: {{alpine: [hello]}}
alpine: {{mirror: "{mirrors.url("mirror")}", branch: v3.20, keys: {key.public}}}
""", encoding="utf-8")
        publish_hello(folder / "mirror", "1.0-r0", key)
        # A plan reads the index and no package.
        done = site.run(site.repository.command("plan", str(site.profile), "--cache", str(site.folder / "cache"),
                                                "--programs", str(paths.RELEASE_BIN)))
        context.check(done.returncode == 0 and "hello 1.0-r0" in done.stdout, f"the plan: {done.stdout}{done.stderr}")
        publish_hello(folder / "mirror", "1.1-r0", key)
        site.lock()
        context.equal(site.versions()["hello"], "1.1-r0", "the package that the mirror has instead of the one in the index")
    finally:
        mirrors.stop()


def publish_hello(mirror, version, key):
    shutil.rmtree(mirror, ignore_errors=True)
    apk_repository.write(mirror, [apk_repository.Package("hello", version, {"usr/share/hello": version.encode()})], key)
