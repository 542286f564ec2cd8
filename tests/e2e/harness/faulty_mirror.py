"""A mirror in front of a registry that is busy, breaks off, and then behaves."""

from __future__ import annotations

import http.client
import http.server
import threading
import urllib.parse


class FaultyMirror:
    """Context manager. The first request for a large blob is answered 429, the second is cut off at CUT_AT bytes."""

    CUT_AT = 1 << 20

    def __init__(self, registry: str):
        self.registry = registry
        self.requests: list[dict] = []
        self._attempts: dict[str, int] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> FaultyMirror:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def requests_of(self, part: str, least: int) -> list[dict]:
        """The requests whose path has this part and whose content is at least so large."""
        return [one for one in self.requests if part in one["path"] and one["size"] >= least]

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        url = urllib.parse.urlsplit(request.path)
        upstream = http.client.HTTPConnection(self.registry)
        headers = {name: request.headers[name] for name in ("Accept", "Range") if name in request.headers}
        upstream.request("GET", url.path, headers=headers)
        answer = upstream.getresponse()
        body = answer.read()
        note = {"path": url.path, "ns": urllib.parse.parse_qs(url.query).get("ns", [""])[0], "answer": answer.status,
                "range": request.headers.get("Range"), "size": len(body)}
        self.requests.append(note)
        large = "/blobs/" in url.path and len(body) >= self.CUT_AT
        attempt = self._attempts[url.path] = self._attempts.get(url.path, 0) + 1 if large else 0
        request.close_connection = True
        if attempt == 1:
            note["answer"] = 429
            request.send_response(429)
            request.send_header("Retry-After", "1")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(answer.status)
        for name in ("Content-Type", "Content-Range", "Docker-Content-Digest"):
            if answer.headers[name]:
                request.send_header(name, answer.headers[name])
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if attempt == 2:
            note["answer"] = "cut"
            body = body[:self.CUT_AT]
        request.wfile.write(body)

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 (the library's name)
                mirror.answer(self)

            def log_message(self, *unused: object) -> None:
                """Requests are in FaultyMirror.requests."""

        return Handler
