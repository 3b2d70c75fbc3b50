"""Calling commands from Python, through the supervisor's socket."""

from __future__ import annotations

import os
from threading import Event, Lock

from . import _wire
from ._codec import Codec
from ._errors import CallError, SnakepitError, WireError
from ._link import Link, Refused, goaway_message
from ._pursuit import Outage, Request

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

    When the supervisor dies while a call runs, the client waits for the next one,
    reconnect seconds or until the call's own timeout, and asks it for the answer. A
    call that never started, or that may run twice, is sent again. With reconnect 0
    such a call fails at once.
    """

    def __init__(self, socket: str | os.PathLike[str] | None = None, *, reconnect: float = 30.0) -> None:
        self._path = os.fspath(socket) if socket is not None else default_socket()
        self._lock = Lock()  # guards the connection for the length of a call
        self._stream = 0
        self._codec = Codec()
        self._reconnect = reconnect
        self._closed = Event()
        self._link: Link | None = self._open()
        self._max_body = self._link.max_body

    def _open(self) -> Link:
        try:
            link = Link(self._path, self._codec)
        except OSError as err:
            raise SnakepitError(
                f"cannot connect to {self._path}: {err.strerror}; start the supervisor with `snakectl supervisor start`"
            ) from err
        try:
            link.greet({"role": "client", "capabilities": ["attach"]})
        except BaseException:
            link.close()
            raise
        return link

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
        if len(body) > self._max_body:
            raise SnakepitError(f"the arguments have {len(body)} bytes, the limit is {self._max_body}")
        bits = _wire.BIT_IDEMPOTENT if idempotent else 0
        with self._lock:
            return self._pursue(Request(pool, command, body, timeout, session, bits))

    def _pursue(self, request: Request) -> Any:
        """Make the call, through one connection after the other if it has to be."""
        outage = Outage(self._reconnect)
        while True:
            link = self._link
            try:
                if link is None:
                    link = self._link = self._open_again(request, outage)
                return self._ask(link, request)
            except CallError as err:
                if not request.send_again(err):
                    raise
            except OSError as err:
                if link is None:
                    raise
                link.close()
                self._link = None
                outage.begin()
                if self._closed.is_set() or (request.sent and self._reconnect <= 0):
                    raise ConnectionError(f"the connection to the supervisor broke: {err}") from err
            except BaseException:
                # Half a call was sent or half an answer read: nothing that follows would make sense.
                if link is not None:
                    link.close()
                    self._link = None
                raise

    def _open_again(self, request: Request, outage: Outage) -> Link:
        """Connect again, waiting for the next supervisor."""
        while True:
            if self._closed.is_set():
                raise ConnectionError("the client is closed")
            try:
                link = self._open()
            except (OSError, SnakepitError) as err:
                if isinstance(err, Refused):
                    raise
                outage.begin()
                if outage.over or request.overdue:
                    if request.sent:
                        raise ConnectionError(f"{err}; the call may have been executed") from err
                    raise
                self._closed.wait(outage.pause())
            else:
                outage.end()
                return link

    def _ask(self, link: Link, request: Request) -> Any:
        """Send the call, or ask for the one that was sent, and return its answer."""
        self._stream += 1
        if not request.sent:
            link.send_body(_wire.CALL, self._stream, request.head(), request.body)
            request.sent = True
            return self._answer(link, self._stream)
        if "attach" not in link.welcome.get("capabilities", ()):
            raise WireError("the call may have been executed, and the supervisor is too old to be asked for it")
        claim = self._codec.encode({"calls": [request.claim(self._stream)]}, "attach")
        link.sendall(_wire.frame(_wire.ATTACH, 0, claim))
        return self._answer(link, self._stream)

    def close(self) -> None:
        """Close the connection; a call that is under way fails, and no other can be made."""
        self._closed.set()
        link = self._link
        if link is not None:
            link.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, link: Link, stream: int) -> Any:
        while True:
            frame = link.receive()
            if frame is None:
                raise ConnectionError("the supervisor closed the connection before it answered")
            type, flags, of, payload = frame
            if type == _wire.PING:
                link.sendall(_wire.frame(_wire.PONG, 0, payload))
            elif type == _wire.GOAWAY:
                raise WireError(f"the supervisor ended the connection: {goaway_message(self._codec, payload)}")
            elif of == stream and type == _wire.ERROR:
                raise CallError(self._codec.decode(payload))  # type: ignore[arg-type]
            elif of == stream and type == _wire.RESULT:
                return self._result(link, stream, flags, payload)
            elif not flags & _wire.FLAG_IGNORABLE:
                raise WireError(f"the supervisor sent a frame of type {type} where an answer was expected")

    def _result(self, link: Link, stream: int, flags: int, payload: memoryview) -> Any:
        """Return the value of a RESULT; an ERROR may take the place of the chunks that are due."""
        body = bytearray(_wire.parse_result(payload)[4])
        while not flags & _wire.FLAG_END:
            frame = link.receive()
            if frame is None:
                raise ConnectionError("the supervisor closed the connection within an answer")
            type, flags, of, chunk = frame
            if of != stream or type not in (_wire.CHUNK, _wire.ERROR):
                raise WireError(f"a frame of type {type} stands within an answer")
            if type == _wire.ERROR:
                raise CallError(self._codec.decode(chunk))  # type: ignore[arg-type]
            body += chunk
            if len(body) > link.max_body:
                raise WireError(f"the result exceeds {link.max_body} bytes")
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
