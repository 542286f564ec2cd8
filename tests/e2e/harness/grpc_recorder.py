"""A gRPC server that hands every call on to another one and keeps what the callers have sent. Runs under Debian's
python3, which has grpcio; knows nothing of the services.

Usage: grpc_recorder.py ADDRESS TARGET FOLDER. Writes FOLDER/port, and FOLDER/messages.jsonl: for each message of a caller
its method and its bytes, in hexadecimal."""

import concurrent.futures
import json
import pathlib
import sys
import threading

import grpc

CALLS = 32  # at the same time; more wait


class Recorder(grpc.GenericRpcHandler):
    def __init__(self, channel, folder):
        self.channel, self.lock = channel, threading.Lock()
        self.file = open(folder / "messages.jsonl", "a", encoding="utf-8")  # noqa: SIM115 (as long as the program)

    def service(self, handler_call_details):
        method = handler_call_details.method

        def hand_on(requests, context):
            # One message there and one back looks on the wire like streams that have one.
            call = self.channel.stream_stream(method)(self.keep(method, requests))
            context.add_callback(call.cancel)
            try:
                yield from call
            except grpc.RpcError as error:
                context.set_trailing_metadata(error.trailing_metadata() or ())
                context.abort(error.code(), error.details())

        return grpc.stream_stream_rpc_method_handler(hand_on)

    def keep(self, method, requests):
        for message in requests:
            with self.lock:
                self.file.write(json.dumps({"method": method, "bytes": message.hex()}) + "\n")
                self.file.flush()
            yield message


def main(address, target, folder):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=CALLS))
    with grpc.insecure_channel(target) as channel:
        server.add_generic_rpc_handlers((Recorder(channel, folder),))
        port = server.add_insecure_port(f"{address}:0")
        server.start()
        (folder / "port.new").write_text(str(port), encoding="utf-8")
        (folder / "port.new").rename(folder / "port")
        server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]))
