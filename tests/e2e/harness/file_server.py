"""Serves one folder over HTTP with byte ranges: what an operator's image store does. Can be slowed down, so that a
fault can be made to fall into the middle of a transfer.

Usage: python3 file_server.py ADDRESS PORT FOLDER [BYTES_PER_SECOND]"""

from __future__ import annotations

import http.server
import os
import pathlib
import re
import sys
import time

CHUNK = 64 * 1024


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = pathlib.Path(".")
    rate = 0

    def do_HEAD(self) -> None:  # noqa: N802 (the name is http.server's)
        self._answer(send_body=False)

    def do_GET(self) -> None:  # noqa: N802
        self._answer(send_body=True)

    def _answer(self, send_body: bool) -> None:
        path = self.folder / pathlib.PurePosixPath(self.path.split("?", 1)[0]).name
        try:
            file = open(path, "rb")
        except OSError:
            self.send_error(404)
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            etag = f'"{size:x}-{os.fstat(file.fileno()).st_mtime_ns:x}"'
            first, last, code = self._range(size, etag)
            if first > last and size > 0:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(code)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(last - first + 1))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", etag)
            if code == 206:
                self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            self.end_headers()
            if send_body:
                self._send(file, first, last - first + 1)

    def _range(self, size: int, etag: str) -> tuple[int, int, int]:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "").strip())
        if not match or self.headers.get("If-Range", etag) != etag:
            return 0, size - 1, 200
        last = int(match.group(2)) if match.group(2) else size - 1
        return int(match.group(1)), min(last, size - 1), 206

    def _send(self, file, offset: int, length: int) -> None:
        file.seek(offset)
        start, sent = time.monotonic(), 0
        while sent < length:
            data = file.read(min(CHUNK, length - sent))
            if not data:
                break
            self.wfile.write(data)
            sent += len(data)
            if self.rate:
                time.sleep(max(0.0, start + sent / self.rate - time.monotonic()))


def main() -> None:
    address, port, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    Handler.folder = folder
    Handler.rate = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    http.server.ThreadingHTTPServer((address, port), Handler).serve_forever()


if __name__ == "__main__":
    main()
