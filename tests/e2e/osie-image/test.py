"""The same profile gives the same bytes: in another folder, on another day, from a cache without finished pieces; and
with a warm cache no network is needed. From a lock it is so without indexes, in another year."""

import filecmp
import os
import shutil

from harness import osie_image, paths
from harness.processes import run_logged

# Not further: the security archive's release file is only valid for a week.
ANOTHER_DAY = "+1d"
ANOTHER_YEAR = "+400d"


def run(context):
    log = context.out / "build.log"
    first = context.out / "first"
    osie_image.build(first, log, print)
    warm = context.out / "cache"
    shutil.copytree(osie_image.cache_of(osie_image.builder_user()) if os.geteuid() == 0
                    else paths.cache_dir() / "build", warm)
    build(context, "offline", warm, ["unshare", "--net"], ["--offline"])
    # What earlier builds have finished is taken away, so that all of it is made again.
    for made in ("recipes", "stamps", "resolved", "indexes"):
        shutil.rmtree(warm / made, ignore_errors=True)
    build(context, "another-day", warm, ["faketime", "-f", ANOTHER_DAY, "unshare", "--net"], ["--offline"])
    # From a lock neither a release file nor an index is read, so it may be any day.
    lock = context.out / "virtual.lock"
    run_logged([str(paths.program("osiekit")), "lock", str(paths.TREE / "profiles" / osie_image.PROFILE), "--lock",
                str(lock), "--cache", str(warm), "--programs", str(paths.RELEASE_BIN), "--offline"],
               context.out / "lock.log")
    for made in ("recipes", "stamps", "resolved", "indexes", "releases"):
        shutil.rmtree(warm / made, ignore_errors=True)
    build(context, "locked", warm, ["faketime", "-f", ANOTHER_YEAR, "unshare", "--net", "taskset", "1"],
          ["--offline", "--locked", "--lock", str(lock)])
    for other in ("offline", "another-day", "locked"):
        for name in osie_image.OUTPUTS:
            context.check(filecmp.cmp(first / name, context.out / other / name, shallow=False),
                          f"{name} of the build “{other}” has the bytes of the first")
    shutil.rmtree(warm)


def build(context, name, cache, before, flags):
    run_logged([*before, str(paths.program("osiekit")), "build",
                str(paths.TREE / "profiles" / osie_image.PROFILE), "--out", str(context.out / name), "--cache",
                str(cache), "--programs", str(paths.RELEASE_BIN), *flags], context.out / f"{name}.log")
