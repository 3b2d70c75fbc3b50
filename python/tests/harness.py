"""A supervisor made of one listening socket, and real worker processes to go with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path
from typing import Any

from snakepit import _wire

PACKAGE = Path(_wire.__file__).parent
LIMIT = 30.0  # seconds: how long a test waits for what must happen at once
SHELL = 'exec 3<"$1"; shift; exec "$@"'


class Connection:
    """One accepted connection of a worker, its hello already read."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(LIMIT)
        self.sock = sock
        self.decoder = _wire.Decoder()
        preface = b""
        while len(preface) < 4:
            preface += sock.recv(4 - len(preface))
        assert preface == _wire.PREFACE, preface
        type, _, _, payload = self.receive()
        assert type == _wire.HELLO
        self.decoder.limit = _wire.MAX_FRAME
        self.hello: dict[str, Any] = json.loads(payload)

    def receive(self) -> tuple[int, int, int, bytes]:
        """Return the next frame; EOFError at the end."""
        frame = self.decoder.next()
        while frame is None:
            count = self.sock.recv_into(self.decoder.space())
            if not count:
                raise EOFError
            self.decoder.grew(count)
            frame = self.decoder.next()
        return (*frame[:3], bytes(frame[3]))

    def at_end(self) -> bool:
        """Whether the worker closed the connection without another frame."""
        try:
            self.receive()
        except (EOFError, ConnectionError):
            return True
        return False

    def send(self, type: int, stream: int = 0, payload: bytes = b"", flags: int = 0) -> None:
        self.sock.sendall(_wire.frame(type, stream, payload, flags=flags))

    def welcome(self, **limits: int) -> None:
        ack = {"version": 1, "max_frame": _wire.MAX_FRAME, "max_body": _wire.MAX_BODY, "codecs": ["json"], **limits}
        self.send(_wire.HELLO_ACK, 0, json.dumps(ack).encode())

    def refuse(self, message: str) -> None:
        error = {"code": 13, "category": "protocol", "origin": "supervisor", "message": message}
        self.send(_wire.GOAWAY, 0, json.dumps(error).encode())

    def call(self, command: str, args: Any = None, stream: int = 1, call_id: bytes = b"", deadline: int = 0) -> None:
        body = b"" if args is None else json.dumps(args).encode()
        call = _wire.Call(command=command, pool="pool.test", deadline=deadline, call_id=call_id or os.urandom(16))
        head = _wire.pack_call(call)
        for data in _wire.body_frames(_wire.CALL, stream, head, body, _wire.MAX_FRAME):
            self.sock.sendall(data)

    def answer(self) -> tuple[int, Any]:
        """Return the stream and the value of the next RESULT, or the call error of an ERROR as a dict subclass."""
        type, flags, stream, payload = self.receive()
        if type == _wire.ERROR:
            assert flags & _wire.FLAG_END
            return stream, Failure(json.loads(payload))
        assert type == _wire.RESULT, type
        *_, worker, body = _wire.parse_result(payload)
        assert worker.startswith("pool.test/0@"), worker
        while not flags & _wire.FLAG_END:
            type, flags, of, chunk = self.receive()
            assert (type, of) == (_wire.CHUNK, stream)
            body += chunk
        return stream, json.loads(body)

    def close(self) -> None:
        self.sock.close()


class Failure(dict):  # type: ignore[type-arg]
    """A call error as a worker sent it."""


class Supervisor:
    """Listens where workers connect."""

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.settimeout(LIMIT)
        self.listener.bind(path)
        self.listener.listen(16)
        self.connections: list[Connection] = []

    def accept(self, *roles: str) -> Connection:
        """Return the next connection, which must have one of these roles; its hello is not answered yet."""
        sock, _ = self.listener.accept()
        connection = Connection(sock)
        self.connections.append(connection)
        assert connection.hello["role"] in roles, connection.hello
        return connection

    def accept_both(self) -> tuple[Connection, Connection]:
        """Return a control and a slot connection, in whichever order they come."""
        found: dict[str, Connection] = {}
        while len(found) < 2:
            connection = self.accept("control", "slot")
            found[connection.hello["role"]] = connection
        return found["control"], found["slot"]

    def close(self) -> None:
        """Vanish: every connection ends and nobody listens."""
        self.listener.close()
        for connection in self.connections:
            connection.close()
        os.unlink(self.path)

    @property
    def closed(self) -> bool:
        """Whether the supervisor has vanished."""
        return self.listener.fileno() < 0


class WorkerCase(unittest.TestCase):
    """A test with a directory, a supervisor in it, and workers that are gone when it ends."""

    entry = PACKAGE / "__main__.py"

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(prefix="snakepit-")
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)
        self.supervisor = Supervisor(str(self.dir / "worker.sock"))
        self.addCleanup(self._close)

    def _close(self) -> None:
        if not self.supervisor.closed:
            self.supervisor.close()

    def write(self, adapter: str) -> None:
        """Make adapter.py."""
        (self.dir / "adapter.py").write_text(textwrap.dedent(adapter), encoding="utf-8")

    def spawn(self, adapter: str, reference: str = "./adapter.py", **launch: Any) -> subprocess.Popen[bytes]:
        """Write an adapter and start a worker for it, as a supervisor does."""
        self.write(adapter)
        document = {
            "version": 1,
            "socket": self.supervisor.path,
            "address": "pool.test/0",
            "incarnation": "7f2c",
            "token": "c0ffee",
            "launch_hash": "ab" * 32,
            "boot_id": "boot",
            "adapter": reference,
            "config": {},
            "code_root": str(self.dir),
            "sys_path": [],
            "orphan_grace_ms": 10_000,
            "slots": 1,
            "profile": "process",
            **launch,
        }
        path = self.dir / "launch.json"
        path.write_text(json.dumps(document))
        argv = [sys.executable, *(f"-W{w}" for w in sys.warnoptions), str(self.entry), "worker", "pool.test/0"]
        with open(self.dir / "stdout", "wb") as out, open(self.dir / "stderr", "wb") as err:
            worker = subprocess.Popen(
                ["/bin/sh", "-c", SHELL, "sh", str(path), *argv],
                cwd=self.dir,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.addCleanup(self._end, worker)
        return worker

    def _end(self, worker: subprocess.Popen[bytes]) -> None:
        if worker.poll() is None:
            worker.send_signal(signal.SIGKILL)
        worker.wait(LIMIT)

    def ready(self, adapter: str, **launch: Any) -> tuple[subprocess.Popen[bytes], Connection, Connection]:
        """Start a worker and bring it to where it takes calls: worker, control, slot."""
        worker = self.spawn(adapter, **launch)
        control = self.supervisor.accept("control")
        control.welcome()
        event = self.event(control)
        self.assertEqual(event["event"], "ready", event)
        self.commands = event["commands"]
        slot = self.supervisor.accept("slot")
        slot.welcome()
        return worker, control, slot

    def event(self, control: Connection) -> Any:
        type, _, stream, payload = control.receive()
        self.assertEqual((type, stream), (_wire.EVENT, 0))
        return json.loads(payload)

    def exec(self, slot: Connection, command: str, args: Any = None, **envelope: Any) -> Any:
        """Call and return the value, or the Failure."""
        slot.call(command, args, **envelope)
        return slot.answer()[1]

    def stderr(self) -> str:
        return (self.dir / "stderr").read_text()

    def stdout(self) -> str:
        return (self.dir / "stdout").read_text()

    def wait_for(self, path: str) -> None:
        """Wait until a handler has made a file."""
        end = time.monotonic() + LIMIT
        while not (self.dir / path).exists():
            self.assertLess(time.monotonic(), end, f"{path} was not made")
            time.sleep(0.005)
