"""Images of several makers in real registries: docker-registry with TLS and htpasswd, with certificates of clients, with a
token server, and behind a mirror that breaks; trees compared with umoci's; signatures as cosign makes them; images that the machine carries."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

from harness import paths
from harness.faulty_mirror import FaultyMirror
from harness.image_makers import ImageMaker
from harness.processes import run_logged
from harness.token_registry import Authority, LocalRegistry, TokenServer

USER, PASSWORD = "installer", "pass:word"
# Setuid programs, hard links, links, many files: each is on every Debian.
PACKAGES = ("base-files", "passwd", "perl-base", "coreutils", "util-linux", "libc-bin", "login", "mount", "dpkg",
            "e2fsprogs")
BUSYBOX = "/bin/busybox"
MANIFEST = pathlib.Path(__file__).parent / "manifest.py"


class Bench:
    def __init__(self, context, services):
        self.context = context
        self.work = context.out / "work"
        self.work.mkdir()
        self.log = context.out / "commands.log"
        self.authority = Authority(self.work / "authority", self.log)
        self.maker = ImageMaker(self.work / "made", self.log)
        self.plain = LocalRegistry(services, self.work / "plain", context.out / "plain.log")
        self.stores = 0

    def tink_worker(self, *words, **variables):
        """Runs it; its policy is empty unless the words name another."""
        command = [str(paths.program("tink-worker")), *words]
        if "--policy" not in words:
            command += ["--policy", str(self.work / "no-policy.json")]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              env={**os.environ, **variables})
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}-> {done.returncode}\n")
        return done

    def pull(self, image, *options, **variables):
        """Into a store of its own; returns that and what came of it."""
        self.stores += 1
        store = self.work / f"store-{self.stores}"
        return store, self.tink_worker("pull", "--store", str(store), *options, image, **variables)

    def expect(self, what, done, code=0):
        self.context.check(done.returncode == code,
                           f"{what}: exit status {code}, found {done.returncode}: {done.stderr.strip()}", self.log)

    def settings(self, name, content):
        file = self.work / name
        file.write_text(json.dumps(content), encoding="utf-8")
        return str(file)


def run(context):
    services = []
    try:
        bench = Bench(context, services)
        trees(bench)
        password(bench, services)
        client_certificate(bench, services)
        token(bench, services)
        mirrors(bench)
        signatures(bench)
        carried(bench)
    finally:
        for service in services:
            service.stop()


def trees(bench):
    """What is unpacked is what umoci unpacks: types, owners, modes, times, attributes, links, content."""
    makers = [bench.maker.by_umoci, bench.maker.by_buildah]
    layouts = {name: makers[number % 2](name, bench.maker.package(name)) for number, name in enumerate(PACKAGES)}
    layouts["odd"] = bench.maker.odd()
    for name, layout in layouts.items():
        image = f"{bench.plain.address}/trees/{name}:1"
        bench.plain.push(layout, image, bench.log)
        compare(bench, name, layout, image)
    # The same with another compression; the content is the same.
    zstd = f"{bench.plain.address}/trees/zstd:1"
    bench.plain.push(layouts["odd"], zstd, bench.log, "--dest-compress-format", "zstd", "--dest-compress")
    compare(bench, "zstd", layouts["odd"], zstd)
    # As umoci ends a layer: with the last byte of its last file.
    inserted = bench.maker.inserted()
    image = f"{bench.plain.address}/trees/inserted:1"
    bench.plain.push(inserted, image, bench.log)
    compare(bench, "inserted", inserted, image)


def compare(bench, name, layout, image):
    store, done = bench.pull(image, "--insecure-registries", bench.plain.address)
    bench.expect(f"pulling {name}", done)
    bundle = bench.work / f"{name}.bundle"
    run_logged(["umoci", "unpack", "--image", f"{layout}:1", str(bundle)], bench.log)
    layers = [str(store / "images/layers" / digest.removeprefix("sha256:"))
              for digest in bench.maker.configuration(layout)["rootfs"]["diff_ids"]]
    lower = ":".join(dict.fromkeys(reversed([*layers, str(empty_folder(bench))])))
    ours = manifest(["unshare", "--mount", "sh", "-c", "mount -t overlay -o ro,lowerdir=\"$1\" none \"$2\" && "
                     "exec python3 \"$3\" \"$2\"", "sh", lower, str(empty_folder(bench)), str(MANIFEST)])
    theirs = manifest(["python3", str(MANIFEST), str(bundle / "rootfs")])
    for path in sorted(ours.keys() | theirs.keys()):
        bench.context.equal(ours.get(path), theirs.get(path), f"{name}: {path!r} unpacked by us, and by umoci")
    bench.context.check(len(ours) > 1, f"{name} has files")
    shutil.rmtree(bundle)
    shutil.rmtree(store)


def empty_folder(bench):
    folder = bench.work / f"empty-{len(list(bench.work.glob('empty-*')))}"
    folder.mkdir()
    return folder


def manifest(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def password(bench, services):
    """TLS by an authority of our own, and htpasswd."""
    registry = LocalRegistry(services, bench.work / "password", bench.context.out / "password.log",
                             authority=bench.authority, users={USER: PASSWORD})
    image = f"{registry.address}/test/app:1"
    registry.push(bench.maker.small(), image, bench.log, "--dest-creds", f"{USER}:{PASSWORD}",
                  "--dest-cert-dir", str(bench.authority.trust))
    trust = ["--registry-ca-file", str(bench.authority.certificate)]
    good = bench.settings("config.json", auths(registry.address, PASSWORD))
    bench.expect("a registry with a password", bench.pull(image, *trust, "--registry-config", good)[1])
    done = bench.pull(image, "--registry-config", good)[1]
    bench.expect("an authority that nobody trusts", done, 1)
    bench.expect("an authority that the environment names",
                 bench.pull(image, "--registry-config", good, SSL_CERT_FILE=str(bench.authority.certificate))[1])
    bench.expect("no password", bench.pull(image, *trust)[1], 1)
    wrong = bench.settings("wrong.json", auths(registry.address, "not-that-one"))
    done = bench.pull(image, *trust, "--registry-config", wrong)[1]
    bench.expect("a wrong password", done, 1)
    bench.context.check("401" in done.stderr and "not-that-one" not in done.stderr,
                        f"the error says 401 and no password: {done.stderr}")
    hosts = bench.settings("tls-hosts.json", {"registries": {
        registry.address: {"ca_file": str(bench.authority.certificate)}}})
    bench.expect("the authority of one registry",
                 bench.pull(image, "--registry-hosts", hosts, "--registry-config", good)[1])


def client_certificate(bench, services):
    """A registry that talks to nobody without a certificate of its own authority for clients."""
    clients = Authority(bench.work / "clients", bench.log)
    registry = LocalRegistry(services, bench.work / "certificate", bench.context.out / "certificate.log",
                             authority=bench.authority, clients=clients)
    certificate, key = clients.client("machine")
    folder = bench.work / "certs.d"
    folder.mkdir()
    for source, name in ((bench.authority.certificate, "ca.crt"), (certificate, "client.cert"), (key, "client.key")):
        shutil.copy(source, folder / name)
    image = f"{registry.address}/test/app:1"
    registry.push(bench.maker.small(), image, bench.log, "--dest-cert-dir", str(folder))
    trust = ["--registry-ca-file", str(bench.authority.certificate)]

    def hosts(name, **settings):
        return bench.settings(f"{name}-hosts.json", {"registries": {registry.address: settings}})

    good = hosts("client", client_certificate=str(certificate), client_key=str(key))
    bench.expect("a client with a certificate", bench.pull(image, *trust, "--registry-hosts", good)[1])
    bench.expect("a client without one", bench.pull(image, *trust)[1], 1)
    certificate, key = bench.authority.client("stranger")
    wrong = hosts("stranger", client_certificate=str(certificate), client_key=str(key))
    bench.expect("a certificate of another authority", bench.pull(image, *trust, "--registry-hosts", wrong)[1], 1)
    looked = bench.tink_worker("doctor", "--only", "registry", "--registry-name", registry.address, *trust,
                               "--registry-hosts", good)
    bench.expect("doctor with the certificate", looked)


def auths(host, secret):
    packed = base64.b64encode(f"{USER}:{secret}".encode()).decode()
    return {"auths": {host: {"auth": packed}}}


def token(bench, services):
    """A token server: the password goes there and nowhere else."""
    server = TokenServer(bench.authority, {USER: PASSWORD})
    services.append(server)
    registry = LocalRegistry(services, bench.work / "token", bench.context.out / "token.log", token_server=server)
    image = f"{registry.address}/team/app:1"
    registry.push(bench.maker.small(), image, bench.log, "--dest-creds", f"{USER}:{PASSWORD}")
    server.requests.clear()
    options = ["--insecure-registries", registry.address]
    config = bench.settings("token.json", auths(registry.address, PASSWORD))
    bench.expect("a token", bench.pull(image, *options, "--registry-config", config)[1])
    bench.context.equal({(one["user"], one["scope"]) for one in server.requests},
                        {(USER, "repository:team/app:pull")}, "who asked for tokens, and for what")
    bench.context.equal(len(server.requests), 1, "tokens that were asked for")
    bench.expect("no token for strangers", bench.pull(image, *options)[1], 1)


def mirrors(bench):
    """A dead mirror, one that is busy and breaks off, and a layer that goes on where it stopped."""
    layout = bench.maker.large()
    bench.plain.push(layout, f"{bench.plain.address}/library/large:1", bench.log)
    with FaultyMirror(bench.plain.address) as mirror:
        hosts = bench.settings("mirrors.json", {"registries": {"registry.invalid": {
            "mirrors": [{"url": "http://127.0.0.1:1"}, {"url": mirror.url}], "upstream": False}}})
        store, done = bench.pull("registry.invalid/library/large:1", "--registry-hosts", hosts)
        bench.expect("through mirrors", done)
        bench.context.equal(len(list((store / "images/layers").iterdir())), 1, "layers")
    layer = mirror.requests_of("/blobs/", least=mirror.CUT_AT)
    bench.context.equal([one["answer"] for one in layer], [429, "cut", 206], "answers to requests for the layer")
    bench.context.equal(layer[2]["range"], f"bytes={mirror.CUT_AT}-", "where the layer goes on")
    bench.context.equal({one["ns"] for one in mirror.requests}, {"registry.invalid"}, "whose mirror it is asked as")
    bench.context.check("127.0.0.1:1" in done.stderr, "the log tells of the dead mirror")


def signatures(bench):
    """A policy that wants a signature, as cosign keeps it: in the repository, under the manifest's digest."""
    image = f"{bench.plain.address}/signed/tool:1"
    layout = bench.maker.small(BUSYBOX)
    digest = bench.plain.push(layout, image, bench.log)
    keys = {name: bench.authority.signing_key(name) for name in ("ours", "other")}
    rule = {"name": "signed tools", "images": [f"{bench.plain.address}/signed/*"], "verify": "signature",
            "keys": [str(keys["ours"].with_suffix(".pub"))], "level": "restricted"}
    policy = bench.settings("policy.json", {"base": "compatible", "rules": [rule]})

    def attempt(what, code, word=""):
        bench.stores += 1
        done = bench.tink_worker("run", "--store", str(bench.work / f"store-{bench.stores}"), "--insecure-registries",
                                 bench.plain.address, "--policy", policy, image, "--", "true")
        bench.expect(what, done, code)
        bench.context.check(word in done.stderr, f"{what}: the error has “{word}”: {done.stderr}")

    attempt("an image without a signature", 125, "signed tools")
    repository = image.rpartition(":")[0]
    sign(bench, keys["other"], repository, digest)
    attempt("a signature by another key", 125, "key")
    sign(bench, keys["ours"], repository, "sha256:" + "0" * 64, tag=digest)
    attempt("a signature of another image", 125, "digest")
    sign(bench, keys["ours"], repository, digest)
    attempt("a signature by an accepted key", 0)


def sign(bench, key, repository, digest, tag=None):
    """What `cosign sign --key` leaves in a registry."""
    payload = json.dumps({"critical": {"identity": {"docker-reference": repository},
                                       "image": {"docker-manifest-digest": digest},
                                       "type": "cosign container image signature"}, "optional": None}).encode()
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(key)], input=payload, check=True,
                               capture_output=True).stdout
    config = b"{}"
    name = repository.partition("/")[2]
    for blob in (payload, config):
        bench.plain.put_blob(name, blob)
    document = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": descriptor("application/vnd.oci.image.config.v1+json", config),
                "layers": [{**descriptor("application/vnd.dev.cosign.simplesigning.v1+json", payload),
                            "annotations": {"dev.cosignproject.cosign/signature":
                                            base64.b64encode(signature).decode()}}]}
    bench.plain.put_manifest(name, (tag or digest).replace(":", "-") + ".sig", document)


def descriptor(media_type, content):
    return {"mediaType": media_type, "size": len(content), "digest": "sha256:" + hashlib.sha256(content).hexdigest()}


def carried(bench):
    """Images in a layout: nobody is asked, by tag and by digest; what is missing comes from the registry."""
    folder = bench.work / "carried"
    name = "registry.invalid/tools/app:v1"
    run_logged(["skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{bench.maker.small()}:1",
                f"oci:{folder}:{name}"], bench.log)
    digest = json.loads((folder / "index.json").read_text())["manifests"][0]["digest"]
    for image in (name, f"registry.invalid/tools/app@{digest}"):
        bench.expect("an image that is carried", bench.pull(image, "--images", str(folder))[1])
    other = f"{bench.plain.address}/signed/tool:1"
    bench.expect("one that is not", bench.pull(other, "--images", str(folder), "--insecure-registries",
                                               bench.plain.address)[1])
    layer = json.loads((folder / "blobs/sha256" / digest.removeprefix("sha256:")).read_text())["layers"][0]["digest"]
    blob = folder / "blobs/sha256" / layer.removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    done = bench.pull(name, "--images", str(folder))[1]
    bench.expect("a layout that was changed", done, 1)
    bench.context.check("the image layout was changed" in done.stderr, "what is wrong with a changed layout is said")
