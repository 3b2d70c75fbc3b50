"""Calling commands from Python, through the supervisor's socket."""

from __future__ import annotations

import os
from threading import Lock

from . import _wire
from ._codec import Codec
from ._errors import CallError, SnakepitError, WireError
from ._link import Link, goaway_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any


class Client:
    """Client calls commands on one instance's pools, one call after the other.

        with snakepit.Client() as client:
            client.exec("api", "hello", {"name": "Ada"}, timeout=5)

    socket is the path of supervisor.sock; without it the instance is found as
    snakectl finds it. Threads may share a client, and wait for each other; give
    each its own for calls at one time.
    """

    def __init__(self, socket: str | os.PathLike[str] | None = None) -> None:
        path = os.fspath(socket) if socket is not None else default_socket()
        self._lock = Lock()  # guards the connection for the length of a call
        self._stream = 0
        self._codec = Codec()
        try:
            self._link = Link(path, self._codec)
        except OSError as err:
            raise SnakepitError(
                f"cannot connect to {path}: {err.strerror}; start the supervisor with `snakectl supervisor start`"
            ) from err
        try:
            self._link.greet({"role": "client"})
        except BaseException:
            self._link.close()
            raise

    def exec(
        self,
        pool: str,
        command: str,
        args: dict[str, Any] | list[Any] | tuple[Any, ...] | None = None,
        *,
        timeout: float | None = None,
        session: str = "",
        idempotent: bool = False,
    ) -> Any:
        """Call a command and return its result; CallError when the call fails.

        args is an object of keyword arguments or a list of positional ones; pool ""
        is the default pool; timeout is in seconds, None leaves it to the pool.
        """
        body = b"" if args is None else self._codec.encode(args, "args")
        if len(body) > self._link.max_body:
            raise SnakepitError(f"the arguments have {len(body)} bytes, the limit is {self._link.max_body}")
        call = _wire.Call(
            deadline=0 if timeout is None else int(min(max(1, timeout * 1e9), _wire.MAX_DEADLINE)),
            call_id=os.urandom(16),
            bits=_wire.BIT_IDEMPOTENT if idempotent else 0,
            pool=pool,
            command=command,
            session=session,
        )
        head = _wire.pack_call(call)
        with self._lock:
            try:
                self._stream += 1
                self._link.send_body(_wire.CALL, self._stream, head, body)
                return self._answer(self._stream)
            except CallError:
                raise
            except BaseException:
                # Half a call was sent or half an answer read: nothing that follows would make sense.
                self._link.close()
                raise

    def close(self) -> None:
        """Close the connection; a call that is under way fails."""
        self._link.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, stream: int) -> Any:
        while True:
            frame = self._link.receive()
            if frame is None:
                raise ConnectionError("the supervisor closed the connection before it answered")
            type, flags, of, payload = frame
            if type == _wire.PING:
                self._link.sendall(_wire.frame(_wire.PONG, 0, payload))
            elif type == _wire.GOAWAY:
                raise WireError(f"the supervisor ended the connection: {goaway_message(self._codec, payload)}")
            elif of == stream and type == _wire.ERROR:
                raise CallError(self._codec.decode(payload))  # type: ignore[arg-type]
            elif of == stream and type == _wire.RESULT:
                return self._result(stream, flags, payload)
            elif not flags & _wire.FLAG_IGNORABLE:
                raise WireError(f"the supervisor sent a frame of type {type} where an answer was expected")

    def _result(self, stream: int, flags: int, payload: memoryview) -> Any:
        """Return the value of a RESULT; an ERROR may take the place of the chunks that are due."""
        body = bytearray(_wire.parse_result(payload)[4])
        while not flags & _wire.FLAG_END:
            frame = self._link.receive()
            if frame is None:
                raise ConnectionError("the supervisor closed the connection within an answer")
            type, flags, of, chunk = frame
            if of != stream or type not in (_wire.CHUNK, _wire.ERROR):
                raise WireError(f"a frame of type {type} stands within an answer")
            if type == _wire.ERROR:
                raise CallError(self._codec.decode(chunk))  # type: ignore[arg-type]
            body += chunk
            if len(body) > self._link.max_body:
                raise WireError(f"the result exceeds {self._link.max_body} bytes")
        return self._codec.decode(body) if body else None


def default_socket() -> str:
    """Return the socket of the instance that snakectl uses when it is told nothing."""
    instance = os.environ.get("SNAKECTL_INSTANCE")
    if not instance:
        state = os.environ.get("XDG_STATE_HOME", "")
        if not os.path.isabs(state):
            state = "/var/lib" if os.geteuid() == 0 else os.path.expanduser("~/.local/state")
        instance = os.path.join(state, "snakectl")
    return os.path.join(instance, "supervisor.sock")
