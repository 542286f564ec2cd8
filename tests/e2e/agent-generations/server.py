"""A workflow server of one generation, written from the wire contract: messages are put together by field number here,
so that nothing of the agent's own code is on this side. Runs under Debian's python3, which has grpcio.

Usage: server.py GENERATION ADDRESS FOLDER IMAGE FAULTS [PORT]; writes FOLDER/port, and FOLDER/events.jsonl as things happen.
FAULTS is "none" or one of:
"faults": the first question is answered with UNAVAILABLE, and each first report of a result is stored and then broken off
before its answer.
"wrong": the first questions get answers that make no sense; old servers then say that the first action is RUNNING, as they
do after their worker was lost; one report takes 10 s (kubernetes); the last action runs into its timeout.
"hung": it stops itself (SIGSTOP) before it answers the report of the second action's success (agent).
"large": the workflow's data is larger than gRPC's usual limit of 4 MiB, in both directions."""

import concurrent.futures
import json
import os
import pathlib
import signal
import sys
import threading
import time

import grpc

WORKER = "52:54:00:00:00:01"
WORKFLOW = "ns/workflow-1"
LONG = "github.com.tinkerbell.tink.protos.workflow."
SERVICES = {"kubernetes": "proto.WorkflowService", "long": LONG + "WorkflowService", "first": LONG + "WorkflowSvc",
            "agent": "proto.WorkflowService"}
RUNNING = 1
SUCCESS = {"first": 2, "agent": 5}
FAILED = {"first": 3, "agent": 3}
TIMEOUT = {"first": 4, "agent": 4}
AGENT_RUNNING = 2
STALL_SECONDS = 10
SHARED = ("/worker:/worker", "/statedir:/statedir")
MIB = 1 << 20
DATA_FROM_SERVER = 6 * MIB
DATA_FROM_ACTION = 10 * MIB  # at the limit


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """One field: an int as varint, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data):
    """The last value of each field of a message."""
    found, at = {}, 0

    def read():
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(data):
        key = read()
        value = read()
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        found[key >> 3] = value
    return found


def text(message, number):
    return message.get(number, b"").decode()


class Unknown(grpc.GenericRpcHandler):
    """Notes calls of methods that nobody has; grpcio answers UNIMPLEMENTED."""

    def __init__(self, note):
        self.note = note

    def service(self, handler_call_details):
        self.note(kind="unknown", method=handler_call_details.method)


class Server:
    """One workflow of three actions, of which the last fails."""

    def __init__(self, generation, address, folder, image, faults):
        self.generation, self.address, self.folder, self.image = generation, address, folder, image
        self.mode, self.faults = faults, faults == "faults"
        self.questions = 0
        self.lock, self.file_lock = threading.Lock(), threading.Lock()
        self.state = {"action": "", "index": 0, "state": 0}
        self.data = b'{"from":"server"}'
        self.broken = set()
        self.actions = ["say", "data", "late" if faults == "wrong" else "fail"]
        if faults == "large":
            self.data = b'{"pad":"' + b"x" * (DATA_FROM_SERVER - 10) + b'"}'
        if faults == "wrong" and generation != "agent":
            self.state = {"action": "say", "index": 0, "state": RUNNING}

    def event(self, **what):
        with self.file_lock, open(self.folder / "events.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")

    def command(self, name):
        if name == "late":
            return ["sleep"]
        if name == "data" and self.mode == "large":
            return ["grow", "/workflow/data", str(DATA_FROM_ACTION)]
        if name == "data" and self.generation in ("long", "first"):
            return ["write", "/workflow/data", '{"from":"action"}']
        return ["exit", "3"] if name == "fail" else ["env", "GREETING"]

    def fault_at(self, key):
        """True the first time that something happens, if there are to be faults."""
        with self.lock:
            if not self.faults or key in self.broken:
                return False
            self.broken.add(key)
            return True

    def stall(self, name, state):
        if self.mode == "wrong" and self.generation == "kubernetes" and (name, state) == ("say", 4):
            time.sleep(STALL_SECONDS)

    def question(self):
        """The number of this question, from 0."""
        with self.lock:
            self.questions += 1
            return self.questions - 1

    # tink-worker's methods.
    def wrong_contexts(self, number):
        """For each of the first questions a context that cannot be right."""
        def one(workflow, action, index, state):
            return (field(1, workflow) + field(2, WORKER) + field(3, "task") + field(4, action) + field(5, index)
                    + field(6, state) + field(7, len(self.actions)))
        answers = [[one("nobody", "say", 0, 0)], [one("empty", "say", 0, 0)], [one(WORKFLOW, "say", 77, 0)],
                   [one(WORKFLOW, "say", -1, 0)], [one(WORKFLOW, "say", 0, 99)], [b"\xff\xff\xff"],
                   [field(1, WORKFLOW) + field(2, WORKER) + field(4, "say") + field(5, 1) + field(6, 77)]]
        return answers[number] if number < len(answers) else None

    def contexts(self, request, context):
        if self.mode == "wrong":
            wrong = self.wrong_contexts(self.question())
            if wrong is not None:
                yield from wrong
                return
            # Before the right one: a workflow that nobody knows must not stand in its way.
            yield field(1, "nobody") + field(2, WORKER)
        if self.fault_at("contexts"):
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        worker = text(fields(request), 1)
        with self.lock:
            at = dict(self.state)
        success = SUCCESS.get(self.generation, 4)
        ends = (FAILED.get(self.generation, 2), TIMEOUT.get(self.generation, 3))
        if at["state"] in ends or worker != WORKER:
            return
        if self.generation == "kubernetes":
            # The current action is the first that has not succeeded.
            if at["state"] == success:
                at = {"action": self.actions[at["index"] + 1], "index": at["index"] + 1, "state": 0}
            elif not at["action"]:
                at["action"] = self.actions[0]
        elif at["state"] == success and at["index"] > 0:
            return
        yield (field(1, WORKFLOW) + field(2, WORKER) + field(3, "task") + field(4, at["action"])
               + field(5, at["index"]) + field(6, at["state"]) + field(7, len(self.actions)))

    def action_list(self, request, context):
        if text(fields(request), 1) == "empty":
            return b""
        if text(fields(request), 1) != WORKFLOW:
            context.abort(grpc.StatusCode.UNKNOWN, "no such workflow")
        message = b""
        for name in self.actions:
            action = field(1, "task") + field(2, name) + field(3, self.image) + field(4, 1 if name == "late" else 0)
            for volume in SHARED:
                action += field(9, volume)
            for word in self.command(name):
                action += field(5, word)
            if self.generation in ("long", "first"):
                for word in ("env", "GREETING"):
                    action += field(6 if name == "late" else 7, word)
            action += field(8, WORKER) + field(10, "GREETING=hello from " + name)
            message += field(1, action)
        return message

    def report(self, request, context):
        message = fields(request)
        name, state, index = text(message, 3), message.get(4, 0), 0
        with self.lock:
            index = self.state["index"]
            if state == RUNNING and self.state["action"] and self.state["state"] == SUCCESS.get(self.generation, 4):
                index += 1
            good = index < len(self.actions) and self.actions[index] == name and text(message, 8) == WORKER
            if good:
                self.state = {"action": name, "index": index, "state": state}
        self.event(kind="report", name=name, state=state, good=good, message=text(message, 6))
        self.stall(name, state)
        if not good:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT,
                          "reported action name does not match the current action details")
        if state != RUNNING and self.fault_at("report " + name):
            context.abort(grpc.StatusCode.UNAVAILABLE, "cut off")
        return b""

    def get_data(self, request, _):
        self.event(kind="get data", workflow=text(fields(request), 1))
        return field(1, self.data) + field(2, 1)

    def update_data(self, request, _):
        message = fields(request)
        self.data = message.get(3, b"")
        self.event(kind="update data", data=self.data.decode()[:1000], bytes=len(self.data),
                   metadata=json.loads(text(message, 2)))
        return b""

    # The agent's of today.
    def wrong_action(self, number, context):
        """For each of the first questions an answer that cannot be right."""
        if number == 0:
            return b""
        if number == 1:
            context.abort(grpc.StatusCode.UNKNOWN, "of no kind")
        return b"\xff\xff\xff" if number == 2 else None

    def get_action(self, request, context):
        wrong = self.wrong_action(self.question(), context) if self.mode == "wrong" else None
        if wrong is not None:
            return wrong
        if self.fault_at("get"):
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        with self.lock:
            index = self.state["index"] + (self.state["state"] == SUCCESS["agent"])
            over = self.state["state"] in (FAILED["agent"], TIMEOUT["agent"]) or text(fields(request), 1) != WORKER
        if over:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "nothing to do")
        name = self.actions[index]
        message = (field(1, WORKFLOW) + field(2, "task-1") + field(3, WORKER) + field(4, f"id-{index}") + field(5, name)
                   + field(6, self.image) + field(7, 1 if name == "late" else 60))
        for volume in SHARED:
            message += field(9, volume)
        for word in self.command(name):
            message += field(8, word)
        return message + field(10, "GREETING=hello from " + name) + field(11, "")

    def agent_report(self, request, context):
        message = fields(request)
        if not text(message, 4).startswith("id-"):
            self.event(kind="stray report", id=text(message, 4))
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such action")
        index, state = int(text(message, 4).removeprefix("id-")), message[6]
        name = self.actions[index]
        with self.lock:
            self.state = {"action": name, "index": index, "state": state}
        self.event(kind="report", name=name, state=state, good=text(message, 5) == name,
                   message=text(fields(message.get(10, b"")), 1))
        if self.mode == "hung" and (name, state) == ("data", SUCCESS["agent"]):
            os.kill(os.getpid(), signal.SIGSTOP)
            threading.Event().wait()  # this thread may go on for a moment, and must not answer in it
        if state != AGENT_RUNNING and self.fault_at("report " + name):
            context.abort(grpc.StatusCode.UNAVAILABLE, "cut off")
        return b""

    def serve(self, port):
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        if self.generation == "agent":
            methods = {"GetAction": unary(self.get_action), "ReportActionStatus": unary(self.agent_report)}
        else:
            methods = {"GetWorkflowContexts": stream(self.contexts), "GetWorkflowActions": unary(self.action_list),
                       "ReportActionStatus": unary(self.report)}
        if self.generation in ("long", "first"):
            methods |= {"GetWorkflowData": unary(self.get_data), "UpdateWorkflowData": unary(self.update_data)}
        limits = [(f"grpc.max_{way}_message_length", 16 * MIB) for way in ("send", "receive")]
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=8), options=limits)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICES[self.generation], methods), Unknown(self.event)))
        port = server.add_insecure_port(f"{self.address}:{port}")
        server.start()
        (self.folder / "port.new").write_text(str(port), encoding="utf-8")
        (self.folder / "port.new").rename(self.folder / "port")
        server.wait_for_termination()


if __name__ == "__main__":
    Server(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4],
           sys.argv[5]).serve(sys.argv[6] if len(sys.argv) > 6 else "0")
