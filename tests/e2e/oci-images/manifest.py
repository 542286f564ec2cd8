"""Prints a folder as JSON: each path with its type, owner, mode, time, attributes, links and content."""

import hashlib
import json
import os
import stat
import sys


def describe(path, others):
    status = os.lstat(path)
    entry = {"type": stat.S_IFMT(status.st_mode), "mode": stat.S_IMODE(status.st_mode), "owner": status.st_uid,
             "group": status.st_gid, "seconds": int(status.st_mtime)}
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            entry["content"] = hashlib.file_digest(file, "sha256").hexdigest()
        entry["size"] = status.st_size
    elif stat.S_ISLNK(status.st_mode):
        entry["target"] = os.readlink(path)
    elif not stat.S_ISDIR(status.st_mode):
        entry["device"] = status.st_rdev
    if not stat.S_ISLNK(status.st_mode):
        entry["attributes"] = {name: os.getxattr(path, name).hex() for name in sorted(os.listxattr(path))
                               if not name.startswith("trusted.overlay.")}
    if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
        others.setdefault((status.st_dev, status.st_ino), []).append(path)
    return entry


def main():
    root = sys.argv[1]
    found, same = {}, {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = describe(path, same)
    for paths in same.values():
        names = sorted(os.path.relpath(path, root) for path in paths)
        for name in names:
            found[name]["same file as"] = names
    json.dump(found, sys.stdout)


main()
