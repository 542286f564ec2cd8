"""An image of Alpine's packages, from a repository that is made and signed here, with Debian's kernel: it boots, runs
what the packages brought, and its agent takes a workflow. What is not signed or not what the index says is refused."""

import filecmp
import json
import os
import pathlib
import re
import shutil
import tempfile

from harness import apk_repository, osie_image, paths, scenario
from harness.errors import HarnessError
from harness.processes import output_of, run_logged

BUSYBOX = pathlib.Path("/bin/busybox")
RELEASE = "3.20.1-of-the-test"
TEMPLATE = pathlib.Path(__file__).with_name("template.yaml")


def packages(version="1.0-r0"):
    applets = output_of([str(BUSYBOX), "--list-full"])
    hello = b"#!/bin/sh\necho \"greetings from Alpine $(cat /etc/alpine-release)\" >/dev/console\nexec sleep 86400\n"
    return [
        apk_repository.Package("busybox", "1.36.1-r29", {
            "bin/busybox": BUSYBOX.read_bytes(), "etc/busybox-paths.d/busybox": applets.encode()},
            provides=["cmd:sh=1.36.1-r29", "cmd:cat=1.36.1-r29", "cmd:sleep=1.36.1-r29"]),
        apk_repository.Package("alpine-baselayout-data", "3.6.5-r0", {"etc/alpine-release": f"{RELEASE}\n".encode()}),
        apk_repository.Package("hello", version, {"usr/bin/hello": hello},
                               depends=["cmd:sh", "cmd:cat", "cmd:sleep", "alpine-baselayout-data>=3.6"]),
    ]


def run(context):
    settings = context.prepare(("reboot",))
    settings.template = TEMPLATE
    with tempfile.TemporaryDirectory(prefix="alpine-", dir=paths.cache_dir()) as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        site = Site(context, folder)
        mirrors = apk_repository.Mirrors(folder / "mirrors")
        try:
            check_refusals(context, site, mirrors)
            site.build("good", mirrors.url("good"), site.key)
            check_lock(context, site, mirrors)
        finally:
            mirrors.stop()
        settings.osie = context.out / "osie"
        shutil.copytree(folder / "home" / "good", settings.osie)
    check_manifest(context, settings.osie)
    with scenario.Scenario(settings, context.report) as chain:
        chain.prepare_network()
        chain.submit()
        chain.start_machine()
        chain.install()
        chain.console.wait_for(re.escape(f"greetings from Alpine {RELEASE}"), scenario.BOOT_LIMIT_SECONDS,
                               check=chain.machine.check)


class Site:
    """Profiles, programs, keys and repositories where an unprivileged user can read them."""

    def __init__(self, context, folder):
        self.context = context
        self.folder = folder
        self.user = osie_image.builder_user()
        shutil.copytree(paths.TREE / "profiles", folder / "profiles")
        (folder / "bin").mkdir()
        for program in osie_image.PROGRAMS:
            shutil.copy2(paths.program(program), folder / "bin" / program)
        (folder / "home").mkdir()
        if os.geteuid() == 0:
            os.chown(folder / "home", self.user.pw_uid, self.user.pw_gid)
        shutil.copy2(pathlib.Path(__file__).with_name("profile.yaml"), folder / "profiles" / "alpine-test.yaml")
        self.key = apk_repository.Key(folder, "test")
        self.other_key = apk_repository.Key(folder, "other")
        apk_repository.write(folder / "mirrors" / "good", packages(), self.key)
        apk_repository.write(folder / "mirrors" / "unsigned", packages(), None)
        # Of a version of its own: what was once fetched and verified comes from the cache.
        apk_repository.write(folder / "mirrors" / "damaged", packages("1.1-r0"), self.key, damaged="hello")

    def lock(self, mirror):
        self._run("lock", "lock", mirror, self.key, "--lock", str(self.folder / "home" / "test.lock"))

    def build(self, name, mirror, key, *flags):
        self._run(name, "build", mirror, key, "--out", str(self.folder / "home" / name), *flags)

    def _run(self, name, command, mirror, key, *flags):
        root = os.geteuid() == 0
        cache = osie_image.cache_of(self.user) if root else paths.cache_dir() / "build"
        log = self.context.out / f"{name}.log"
        run_logged([*(osie_image.drop_rights(self.user) if root else []), str(self.folder / "bin" / "osiekit"),
                    command, str(self.folder / "profiles" / "alpine-test.yaml"), "--set", f"mirror={mirror}", "--set",
                    f"keys={key.public}", "--cache", str(cache), "--programs", str(self.folder / "bin"), *flags],
                   log, cwd=self.folder / "home")


def check_refusals(context, site, mirrors):
    for name, key, reason in (("unsigned", site.key, "it is not signed"), ("good", site.other_key, "key"),
                              ("damaged", site.key, "hello 1.1-r0")):
        try:
            site.build(name, mirrors.url(name), key)
        except HarnessError:
            log = context.out / f"{name}.log"
            context.check(reason in log.read_text(encoding="utf-8"), f"the refusal speaks of “{reason}”", log)
            context.check(not (site.folder / "home" / name / "initramfs").exists(), "nothing was written")
        else:
            context.check(False, f"the repository “{name}” is refused")


def check_lock(context, site, mirrors):
    """From a lock, without an index, the same bytes."""
    site.lock(mirrors.url("good"))
    site.build("locked", mirrors.url("good"), site.key, "--locked", "--lock", str(site.folder / "home" / "test.lock"))
    for name in osie_image.OUTPUTS:
        context.check(filecmp.cmp(site.folder / "home" / "good" / name, site.folder / "home" / "locked" / name,
                                  shallow=False), f"{name} is the same from the lock")


def check_manifest(context, osie):
    manifest = json.loads((osie / "manifest.json").read_text(encoding="utf-8"))
    found = {package["name"]: package for package in manifest["packages"]}
    for name in ("busybox", "alpine-baselayout-data", "hello"):
        context.check(name in found, f"the manifest has Alpine's package {name}")
        context.equal(found[name]["system"], "alpine", f"the system of {name}")
    context.equal(found["hello"]["version"], "1.0-r0", "the version of hello")
    context.equal(found["linux-image-cloud-amd64"]["system"], "debian", "the system of the kernel's package")
    bill = output_of([str(paths.program("osiekit")), "sbom", str(osie), "--format", "spdx"])
    context.check("pkg:apk/alpine/hello@1.0-r0?arch=x86_64&distro=v3.20" in bill, "the bill has Alpine's package URL")
    context.check("pkg:deb/debian/linux-image-cloud-amd64@" in bill, "the bill has Debian's package URL")
