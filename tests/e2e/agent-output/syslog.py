"""A syslog server for RFC 5425's framing over plain TCP. Usage: syslog.py ADDRESS FOLDER; writes FOLDER/port, and every
message as a line to FOLDER/messages."""

import pathlib
import socket
import sys


def main(address, folder):
    listener = socket.create_server((address, 0))
    (folder / "port.new").write_text(str(listener.getsockname()[1]), encoding="utf-8")
    (folder / "port.new").rename(folder / "port")
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream, open(folder / "messages", "ab", buffering=0) as out:
            while length := read_length(stream):
                out.write(stream.read(length) + b"\n")


def read_length(stream):
    digits = b""
    while (byte := stream.read(1)) not in (b" ", b""):
        digits += byte
    return int(digits or b"0")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
