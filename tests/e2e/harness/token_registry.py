"""docker-registry on loopback with TLS, with passwords, or with a token server of our own."""

from __future__ import annotations

import base64
import hashlib
import http.client
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from .errors import HarnessError
from .processes import Service, output_of, run_logged

SERVICE, ISSUER = "test registry", "test token server"
START_SECONDS = 60.0


class Authority:
    """A certificate authority with one certificate for 127.0.0.1, and keys that sign images."""

    def __init__(self, folder: pathlib.Path, log: pathlib.Path):
        self.folder = folder
        folder.mkdir()
        # A folder of its own: skopeo takes keys that lie beside certificates for a client's.
        self.trust = folder / "trust"
        self.trust.mkdir()
        self.certificate, self.key = self.trust / "ca.crt", folder / "ca.key"
        run_logged(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=test authority",
                    "-keyout", str(self.key), "-out", str(self.certificate)], log)
        self.server_certificate, self.server_key = folder / "server.pem", folder / "server-key.pem"
        request = folder / "server.request"
        run_logged(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout",
                    str(self.server_key), "-out", str(request)], log)
        extensions = folder / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1\n", encoding="utf-8")
        run_logged(["openssl", "x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.key),
                    "-set_serial", "1", "-days", "3650", "-extfile", str(extensions), "-out", str(self.server_certificate)],
                   log)
        self._log = log

    def client(self, name: str) -> tuple[pathlib.Path, pathlib.Path]:
        """A client's certificate and its key."""
        certificate, key, request = (self.folder / f"{name}.{kind}" for kind in ("cert", "key", "request"))
        run_logged(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", str(key), "-out",
                    str(request)], self._log)
        run_logged(["openssl", "x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.key),
                    "-set_serial", "2", "-days", "3650", "-out", str(certificate)], self._log)
        return certificate, key

    def signing_key(self, name: str) -> pathlib.Path:
        """A private key for images; its public one lies beside it as NAME.pub."""
        key = self.folder / f"{name}.pem"
        run_logged(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)], self._log)
        run_logged(["openssl", "ec", "-in", str(key), "-pubout", "-out", str(key.with_suffix(".pub"))], self._log)
        return key

    def token(self, claims: dict) -> str:
        """A JSON web token signed with the authority's key (RS256)."""
        der = ssl.PEM_cert_to_DER_cert(self.certificate.read_text(encoding="utf-8"))
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        text = ".".join(_packed(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(self.key)], input=text.encode(), check=True,
                                   capture_output=True).stdout
        return f"{text}.{_packed(signature)}"


def _packed(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class TokenServer:
    """Gives those who know a password what they ask for, and keeps who asked for what."""

    def __init__(self, authority: Authority, users: dict[str, str]):
        self.authority = authority
        self.users = users
        self.requests: list[dict] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        scheme, _, packed = request.headers.get("Authorization", "").partition(" ")
        user, _, password = base64.b64decode(packed).decode().partition(":") if scheme == "Basic" else ("", "", "")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        scope = query.get("scope", [""])[0]
        self.requests.append({"user": user, "scope": scope})
        known = bool(user) and self.users.get(user) == password
        kind, name, actions = scope.split(":", 1)[0], scope.partition(":")[2].rpartition(":")[0], scope.rpartition(":")[2]
        now = int(time.time())
        access = [{"type": kind, "name": name, "actions": actions.split(",")}] if known and scope else []
        claims = {"iss": ISSUER, "sub": user, "aud": query.get("service", [""])[0], "exp": now + 300, "nbf": now - 300,
                  "iat": now - 300, "jti": str(len(self.requests)), "access": access}
        body = json.dumps({"token": self.authority.token(claims)} if known or not user else {}).encode()
        request.send_response(200 if known or not user else 401)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 (the library's name)
                server.answer(self)

            def do_POST(self) -> None:  # noqa: N802
                """OAuth2 is not for this server, as for many."""
                self.send_error(404)

            def log_message(self, *unused: object) -> None:
                """Requests are in TokenServer.requests."""

        return Handler


class LocalRegistry:
    """docker-registry on a free port of 127.0.0.1."""

    def __init__(self, services: list, folder: pathlib.Path, log: pathlib.Path, *, authority: Authority | None = None,
                 users: dict[str, str] | None = None, token_server: TokenServer | None = None,
                 clients: Authority | None = None):
        """`clients`: only those with a certificate of this authority are answered."""
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.tls = authority is not None
        configuration: dict = {"version": 0.1, "log": {"level": "info"}, "http": {"addr": self.address},
                               "storage": {"filesystem": {"rootdirectory": str(folder / "data")}}}
        if authority is not None:
            configuration["http"]["tls"] = {"certificate": str(authority.server_certificate),
                                            "key": str(authority.server_key)}
            if clients is not None:
                configuration["http"]["tls"]["clientcas"] = [str(clients.certificate)]
        if users:
            htpasswd = folder / "htpasswd"
            htpasswd.write_text("".join(f"{user}:{_bcrypt(word)}\n" for user, word in users.items()), encoding="utf-8")
            configuration["auth"] = {"htpasswd": {"realm": "test", "path": str(htpasswd)}}
        if token_server is not None:
            configuration["auth"] = {"token": {"realm": token_server.realm, "service": SERVICE, "issuer": ISSUER,
                                               "rootcertbundle": str(token_server.authority.certificate)}}
        # JSON is YAML.
        file = folder / "registry.yml"
        file.write_text(json.dumps(configuration), encoding="utf-8")
        self.service = Service("docker-registry", ["docker-registry", "serve", str(file)], log)
        services.append(self.service)
        self._wait()

    def _wait(self) -> None:
        host, _, port = self.address.rpartition(":")
        deadline = time.monotonic() + START_SECONDS
        while True:
            self.service.check()
            try:
                socket.create_connection((host, int(port)), timeout=2).close()
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise HarnessError(f"docker-registry does not listen: {error}", log=self.service.log) from error
                time.sleep(0.05)

    def push(self, layout: pathlib.Path, image: str, log: pathlib.Path, *options: str) -> str:
        """Copies the layout's image 1; returns the digest of its manifest there."""
        digest = log.parent / "pushed.digest"
        plain = [] if self.tls else ["--dest-tls-verify=false"]
        run_logged(["skopeo", "--insecure-policy", "copy", "--quiet", *plain, "--digestfile", str(digest), *options,
                    f"oci:{layout}:1", f"docker://{image}"], log)
        return digest.read_text(encoding="utf-8").strip()

    def put_blob(self, name: str, content: bytes) -> None:
        place = self._request("POST", f"/v2/{name}/blobs/uploads/", b"", {}).headers["Location"]
        url = urllib.parse.urlsplit(place)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self._request("PUT", f"{url.path}?{url.query}&digest={digest}", content,
                      {"Content-Type": "application/octet-stream"})

    def put_manifest(self, name: str, tag: str, document: dict) -> None:
        self._request("PUT", f"/v2/{name}/manifests/{tag}", json.dumps(document).encode(),
                      {"Content-Type": document["mediaType"]})

    def _request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.address)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status // 100 != 2:
            raise HarnessError(f"{method} {path}: {answer.status} {said.decode(errors='replace')}", log=self.service.log)
        return answer


def _bcrypt(password: str) -> str:
    """As htpasswd -B makes it; perl has the machine's crypt(3)."""
    return output_of(["perl", "-e", "print crypt($ARGV[0], '$2y$05$abcdefghijklmnopqrstuu')", password])
