"""The agent's programs without a machine: `tink-worker run`, `pull`, `images` and `doctor` with a real registry, and an
image made by umoci and skopeo: Docker's meaning of its configuration, volumes, users, signals, timeouts, many lines; a
supervisor's action through kill -9 of the agent is tests/unit/agent/whole_test.cpp."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from harness import paths
from harness.netns import NetworkNamespace
from harness.registry import Registry
from harness.static_image import make_layout

LINES = 100_000
NOBODY = 65534
# busybox-static is one program: what an image needs to have a shell.
BUSYBOX = "/bin/busybox"


class Bench:
    """A registry with one image, and tink-worker beside it."""

    def __init__(self, context, namespace):
        self.context = context
        self.namespace = namespace
        self.work = context.out / "work"
        self.work.mkdir()
        self.registry = Registry(namespace, self.work, context.out)
        self.registry.wait()
        self.image = self._make_image()
        self.store = self.work / "store"

    def _make_image(self):
        layout = make_layout(self.work, self._fill, [
            "--config.entrypoint", "/bin/sh", "--config.entrypoint", "-c", "--config.cmd", "echo the default",
            "--config.env", "FROM=image", "--config.env", "BOTH=image", "--config.user", "tester",
            "--config.workingdir", "/work", "--config.stopsignal", "SIGUSR1"], self.context.out / "image.log")
        return self.registry.push(layout, "test/tools")["tag"]

    @staticmethod
    def _fill(root):
        for folder in ("bin", "etc", "tmp", "work"):
            (root / folder).mkdir()
        (root / "tmp").chmod(0o1777)
        shutil.copy(BUSYBOX, root / "bin/busybox")
        for name in ("sh", "id", "cat", "seq", "sleep", "pwd", "echo", "ls", "touch", "kill"):
            (root / "bin" / name).symlink_to("busybox")
        (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\ntester:x:1234:1235::/home/tester:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\ndisk:x:6:tester\n")

    def command(self, *words):
        return self.namespace.command([str(paths.program("tink-worker")), *words])

    def settings(self, level="error"):
        return ["--store", str(self.store), "--insecure-registries", self.registry.address, "--log-level", level,
                "--policy", str(self.work / "policy.json")]

    def execute(self, *words):
        return subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)

    def run(self, script=None, *options, level="error"):
        """Runs the script (None: the image's own command) in a container."""
        arguments = [] if script is None else ["--", script]
        return self.execute("run", *self.settings(level), *options, self.image, *arguments)

    def expect(self, what, done, code, out=None):
        self.context.equal((done.returncode, done.stdout if out is not None else None), (code, out),
                           f"{what} (standard error: {done.stderr.strip()!r})")


def run(context):
    with NetworkNamespace(context.out / "network.log") as namespace:
        bench = Bench(context, namespace)
        configuration(bench)
        volumes(bench)
        endings(bench)
        output(bench)
        policy(bench)
        store(bench)
        doctor(bench)
        without_root(bench)
        namespace_is_clean(bench)


def configuration(bench):
    """Entrypoint, command, environment, user and directory are the image's unless an option says otherwise."""
    bench.expect("the image's command", bench.run(), 0, "the default\n")
    bench.expect("arguments instead of it", bench.run("echo given"), 0, "given\n")
    bench.expect("the image's user and directory", bench.run("id -u; id -g; id -G; pwd; echo $HOME"), 0,
                 "1234\n1235\n1235 6\n/work\n/home/tester\n")
    bench.expect("other ones", bench.run("id -u; id -g; pwd", "-u", "5:6", "-w", "/tmp"), 0, "5\n6\n/tmp\n")
    bench.expect("the environment", bench.run("echo $FROM $BOTH $MORE", "-e", "BOTH=option", "-e", "MORE=x=y"), 0,
                 "image option x=y\n")
    done = bench.execute("run", *bench.settings(), "--entrypoint", "/bin/echo", bench.image, "--", "-n", "a b")
    bench.expect("another entrypoint", done, 0, "a b")
    bench.expect("an unknown user", bench.run("true", "-u", "nobody"), 125)
    bench.context.check("nobody" in bench.run("true", "-u", "nobody").stderr, "the error names the user")
    bench.expect("its own processes", bench.run("echo $$"), 0, "1\n")
    nobody = ("--userns", "--level", "restricted")
    bench.expect("root of a user namespace",
                 bench.run("read a b c < /proc/self/uid_map; echo $a $b $c; touch /made; set -- $(ls -dn /bin/busybox); "
                           "echo $3 $4", "-u", "0", *nobody), 0, "0 1048576 65536\n0 0\n")
    bench.expect("another user of it", bench.run("id -u; id -G; touch /tmp/x && echo made", *nobody), 0,
                 "1234\n1235 6\nmade\n")
    bench.expect("a user namespace at level host", bench.run("true", "--userns"), 125)
    bench.expect("an isolated network", bench.run("ls /proc/sys/net/ipv4/conf", "--network", "bridge"), 0,
                 "all\ndefault\neth0\nlo\n")
    bench.expect("no network", bench.run("ls /proc/sys/net/ipv4/conf", "--network", "none"), 0,
                 "all\ndefault\nlo\n")


def volumes(bench):
    folder = bench.work / "volume"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    bench.expect("a directory", bench.run("echo x > /data/file", "-v", f"{folder}:/data"), 0, "")
    bench.context.equal((folder / "file").read_text(), "x\n", "what the container has written")
    bench.expect("only for reading", bench.run("touch /data/other", "-v", f"{folder}:/data:ro"), 1)
    bench.context.check(not (folder / "other").exists(), "nothing is written through a read-only volume")
    missing = bench.work / "made/for/it"
    bench.expect("a missing directory", bench.run("ls /data", "-v", f"{missing}:/data"), 0, "")
    bench.context.equal(missing.stat().st_mode & 0o777, 0o755, "the mode of a directory that was made")
    for script, out in (("echo kept > /data/file", ""), ("cat /data/file", "kept\n")):
        bench.expect("a named volume", bench.run(script, "-u", "0", "-v", "shared:/data"), 0, out)
    bench.expect("no volume", bench.run("true", "-v", "../x:/data"), 125)


def endings(bench):
    bench.expect("an exit status", bench.run("exit 7"), 7)
    bench.expect("a signal", bench.run("kill -9 $$ & wait; /bin/sh -c 'kill -9 $$'; exit $?"), 137)
    done = bench.execute("run", *bench.settings(), "--entrypoint", "/bin/missing", bench.image)
    bench.expect("a program that is not there", done, 127)
    done = bench.execute("run", *bench.settings(), "--entrypoint", "/etc/passwd", bench.image)
    bench.expect("a file that is no program", done, 126)
    trap = "trap 'echo asked; exit 3' USR1; echo up; while :; do sleep 0.05; done"
    bench.expect("a timeout asks with the image's stop signal", bench.run(trap, "--timeout", "3s"), 124,
                 "up\nasked\n")
    with subprocess.Popen(bench.command("run", *bench.settings(), bench.image, "--", trap),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as child:
        bench.context.equal(child.stdout.readline(), "up\n", "the first line, before the end")
        child.send_signal(signal.SIGINT)
        bench.context.equal((child.stdout.read(), child.wait()), ("asked\n", 3), "what Ctrl-C leads to")


def output(bench):
    done = bench.run(f"seq 1 {LINES}; echo end >&2")
    expected = "".join(f"{number}\n" for number in range(1, LINES + 1))
    bench.context.check(done.stdout == expected, f"{LINES} lines arrive whole and in order")
    bench.context.equal(done.stderr, "end\n", "standard error")


def policy(bench):
    file = bench.work / "policy.json"
    file.write_text(json.dumps("strict"), encoding="utf-8")
    done = bench.run("true")
    bench.expect("an image by tag under a strict policy", done, 125)
    bench.context.check("policy rule" in done.stderr, "the refusal names the rule")
    file.write_text("{", encoding="utf-8")
    bench.expect("a damaged policy lets nothing run", bench.run("true"), 125)
    file.unlink()


def store(bench):
    bench.expect("pull", bench.execute("pull", *bench.settings(), bench.image), 0)
    images = json.loads(bench.execute("images", *bench.settings(), "--json").stdout)["images"]
    bench.context.equal([(one["reference"], one["layers"], one["layers_present"]) for one in images],
                        [(bench.image, 1, 1)], "the images in the store")
    done = bench.execute("pull", *bench.settings(), f"{bench.registry.address}/test/none:1")
    bench.context.equal(done.returncode, 1, "the exit status for an image that is not there")
    kept = bench.run("echo x > /tmp/changed", "--keep", level="info").stderr
    bench.context.check("stays in" in kept, "it says where the file system stays")
    left = list((bench.store / "actions").iterdir())
    bench.context.equal(len(left), 1, "only the file system that was to be kept is left")
    bench.context.equal((left[0] / "upper/tmp/changed").read_text(), "x\n", "what the container has changed")


def doctor(bench):
    registry = ["--registry-name", bench.registry.address]
    done = bench.execute("doctor", *bench.settings(), *registry, "--only",
                         "root,kernel,registry,clock-skew,bridge,user-namespace", "--json")
    verdicts = {one["check"]: one["verdict"] for one in json.loads(done.stdout)["findings"]}
    bench.context.equal((done.returncode, verdicts),
                        (0, dict.fromkeys(verdicts, "ok")), "the verdicts")
    bench.context.equal(len(verdicts), 6, "how many verdicts")
    nobody = bench.execute("doctor", *bench.settings(), "--grpc-server", "127.0.0.1:1", "--only", "server")
    bench.context.equal((nobody.returncode, nobody.stdout.split()[0]), (1, "fail"), "a server that is not there")
    bench.context.equal(bench.execute("doctor", "--only", "nothing").returncode, 2, "an unknown check")


def without_root(bench):
    """What docs/sandbox.md promises to who is not root: sandboxes on two networks, without limits, of directories."""
    expect = bench.context.equal
    with tempfile.TemporaryDirectory(prefix="agent-run-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        tree, program = folder / "tree", folder / "tink-worker"
        tree.mkdir()
        for source, target in ((BUSYBOX, tree / "busybox"), (paths.program("tink-worker"), program)):
            shutil.copy(source, target)
            target.chmod(0o755)
        shutil.chown(tree, NOBODY, NOBODY)

        def nobody(*words):
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", str(program), *words]
            return subprocess.run(bench.namespace.command(command), stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, check=False)

        def sandbox(network, *options):
            return nobody("sandbox", "--root", str(tree), "--level", "restricted", "--network", network, *options,
                          "--", "/busybox", "sh", "-c",
                          "echo $(/busybox id -u) $(/busybox ls /proc/sys/net/ipv4/conf); /busybox touch /made")

        for network, interfaces in (("none", "all default lo"), ("host", "all br0 default lo tap0")):
            done = sandbox(network, "--userns", "--memory", "64MiB")
            expect((done.returncode, done.stdout), (0, f"0 {interfaces}\n"), f"nobody's sandbox on network {network}")
            bench.context.check("limits are not enforced" in done.stderr, f"its limits: {done.stderr.strip()}")
            expect((tree / "made").stat().st_uid, NOBODY, "who owns what root of his sandbox has made")
            (tree / "made").unlink()
        for done in (sandbox("bridge", "--userns"), sandbox("none"),
                     nobody("run", *bench.settings(), "--userns", "--level", "restricted", bench.image)):
            expect(done.returncode, 125, f"the exit status where it takes root: {done.stderr.strip()}")
            bench.context.check("root" in done.stderr, "the message says that it takes root")
        bench.context.check(not (tree / "made").exists(), "nothing has run there")


def namespace_is_clean(bench):
    """Nothing that was started still runs, nothing that was mounted is left."""
    mounts = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8")
    bench.context.check(str(bench.store) not in mounts, "no mount is left")
    holders = [pid for pid in bench.namespace.pids() if os.path.basename(_program(pid)) == "busybox"]
    bench.context.equal(holders, [], "programs of containers that still run")


def _program(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""
