"""A gRPC server of Debian's grpcio that holds /t/Hold for ever and answers /t/Echo; prints its port."""

import concurrent.futures
import threading

import grpc


def hold(_request, _context):
    threading.Event().wait()


def main():
    unary = grpc.unary_unary_rpc_method_handler
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        "t", {"Hold": unary(hold), "Echo": unary(lambda request, _: request)}),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
