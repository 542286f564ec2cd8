"""A gRPC server of Debian's grpcio that holds /t/Hold until the caller is gone and answers /t/Echo.

Usage: hold.py PORT_FILE; the port is in the file, whole, once the server listens."""

import concurrent.futures
import pathlib
import sys
import threading

import grpc


def hold(_request, context):
    gone = threading.Event()
    # False: the call is over already.
    if context.add_callback(gone.set):
        gone.wait()
    return b""


def main(file):
    unary = grpc.unary_unary_rpc_method_handler
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        "t", {"Hold": unary(hold), "Echo": unary(lambda request, _: request)}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    new = file.with_suffix(".new")
    new.write_text(str(port), encoding="utf-8")
    new.rename(file)
    server.wait_for_termination()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
