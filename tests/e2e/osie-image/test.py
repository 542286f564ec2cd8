"""The same profile gives the same bytes: in another folder, on another day, under another umask, locale and time zone, on
one core, from a cache without finished pieces. Everything is built without root's rights, and from a lock without a
network and without indexes, in another year. What is said to be in `osie` is in it, and nothing else."""

import filecmp
import os
import pathlib
import shutil
import tempfile

from harness import image_tree, osie_image, paths
from harness.processes import run_logged

PROFILES = ("virtual", "osie")
# Not further: the security archive's release file is only valid for a week.
ANOTHER_DAY = "+1d"
ANOTHER_YEAR = "+400d"
# What is worked out from packages, and what mirrors have said.
FINISHED = ("recipes", "stamps", "resolved", "indexes")
ANSWERS = ("releases",)


def run(context):
    with tempfile.TemporaryDirectory(prefix="osie-image-", dir=paths.cache_dir()) as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        here = Place(folder / "here", context)
        elsewhere = Place(folder / "elsewhere" / "deeper", context)
        shared = osie_image.cache_of(here.user) if os.geteuid() == 0 else paths.cache_dir() / "build"
        shared.mkdir(parents=True, exist_ok=True)
        here.own(shared)
        for profile in PROFILES:
            first = build_with_mirror(here, profile, shared)
            if profile == "osie":
                with tempfile.TemporaryDirectory(prefix="contents-", dir=folder) as scratch:
                    check_contents(context, here, shared, first, pathlib.Path(scratch))
            here.run(profile, ["lock"], shared, "lock", ["--offline", "--lock", str(here.lock(profile))])
            shutil.copyfile(here.lock(profile), elsewhere.lock(profile))
            elsewhere.own(elsewhere.lock(profile))
            cache = elsewhere.copy_of(shared)
            forget(cache, FINISHED)
            days = [] if profile != "virtual" else [
                elsewhere.build(profile, cache, "another-day", ["faketime", "-f", ANOTHER_DAY], ["--offline"])]
            forget(cache, FINISHED + ANSWERS)
            years = elsewhere.build(profile, cache, "locked", ["faketime", "-f", ANOTHER_YEAR, "taskset", "1"],
                                    ["--offline", "--locked", "--lock", str(elsewhere.lock(profile))])
            for other in (*days, years):
                for output in osie_image.OUTPUTS:
                    context.check(filecmp.cmp(first / output, other / output, shallow=False),
                                  f"{output} of {profile}, built as “{other.name}”, has the bytes of the first")
            shutil.rmtree(cache)


def build_with_mirror(place, profile, cache):
    log = place.context.out / f"{profile}-first.log"
    return osie_image.from_mirror_or_cache(lambda flags: place.build(profile, cache, "first", [], flags, network=True),
                                           log, place.context.report.say)


def check_contents(context, place, cache, image, scratch):
    """The bill of materials is what independent parsers find in the image, and every file has an origin that has it."""
    listing = image_tree.unpack(image, scratch / "tree", context.out / "unpack.log")
    image_tree.check_documents(image, scratch / "tree", context.out)
    origins = image_tree.Origins(cache, place.profiles, place.programs, scratch, context.out / "deb.log")
    image_tree.check_sources(context, image, origins, image_tree.walk(scratch / "tree"), listing,
                             ("package", "program", "builder"))


def forget(cache, folders):
    for made in folders:
        shutil.rmtree(cache / made, ignore_errors=True)


class Place:
    """A folder with the profiles and the programs, and a user who may only write into its home."""

    def __init__(self, folder, context):
        self.context = context
        self.user = osie_image.builder_user()
        self.first = folder.name == "here"
        self.programs = folder / "bin"
        self.programs.mkdir(parents=True)
        for program in osie_image.PROGRAMS:
            shutil.copy2(paths.program(program), self.programs / program)
        self.profiles = folder / "profiles"
        shutil.copytree(paths.TREE / "profiles", self.profiles)
        self.home = folder / "home"
        self.temporary = self.home / "tmp"
        self.temporary.mkdir(parents=True)
        for owned in (self.home, self.temporary):
            self.own(owned)

    def own(self, path):
        if os.geteuid() == 0:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def lock(self, profile):
        return self.home / f"{profile}.lock"

    def copy_of(self, cache):
        """Another cache with the same files: nothing in a cache is ever written to where it is."""
        copy = self.home / "cache"
        shutil.copytree(cache, copy, copy_function=os.link)
        for folder, _, _ in os.walk(copy):
            self.own(folder)
        return copy

    def build(self, profile, cache, name, before, flags, network=False):
        out = self.home / f"{profile}-{name}" / name
        self.run(profile, [*before, "build"], cache, name, ["--out", str(out), *flags], network)
        return out

    def run(self, profile, words, cache, name, flags, network=False):
        """Runs `words[:-1] osiekit words[-1] PROFILE`, without any right and without a way to get one."""
        *before, command = words
        rights = osie_image.drop_rights(self.user) if os.geteuid() == 0 else ["setpriv", "--no-new-privs"]
        alone = [] if network else ["unshare", "--net"] if os.geteuid() == 0 else [
            "unshare", "--user", "--map-current-user", "--net"]
        environment = {"HOME": str(self.home), "TMPDIR": str(self.temporary),
                       "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
                       "LC_ALL": "C.UTF-8" if self.first else "C", "TZ": "UTC" if self.first else "Pacific/Kiritimati",
                       **{key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}}
        mask = "022" if self.first else "077"
        run_logged([*alone, *rights, "sh", "-c", f'umask {mask}; exec "$@"', "sh", *before,
                    str(self.programs / "osiekit"), command, str(self.profiles / f"{profile}.yaml"), "--cache", str(cache),
                    "--programs", str(self.programs), *flags],
                   self.context.out / f"{profile}-{name}.log", cwd=self.home, env=environment)
