"""One connection: a socket, its decoder, and the hello that begins it.

_socket is the C module below socket; socket itself brings in selectors and enum,
which a worker pays for at every start.
"""

from __future__ import annotations

import os
import sys
from _socket import AF_UNIX, SOCK_STREAM, socket

from . import _wire
from ._codec import Codec
from ._errors import WireError, call_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_PATH = 107
AGENT = "snakepit/0.1.0"


class Refused(WireError):
    """Refused is a GOAWAY: the peer wants nothing of this connection."""


class Link:
    """Link is one open connection. One thread reads it; writers agree among themselves."""

    __slots__ = ("_decoder", "codec", "max_body", "max_frame", "sendall", "socket", "welcome")

    def __init__(self, path: str, codec: Codec, timeout: float | None = None) -> None:
        self.codec = codec
        self.max_frame = _wire.MAX_FRAME_BEFORE_HELLO
        self.max_body = _wire.MAX_BODY
        self._decoder = _wire.Decoder()
        self.welcome: dict[str, Any] = {}
        self.socket = _above_stdio(socket(AF_UNIX, SOCK_STREAM))
        self.sendall = self.socket.sendall
        try:
            self.socket.settimeout(timeout)
            _connect(self.socket, path)
        except BaseException:
            self.socket.close()
            raise

    def greet(self, hello: dict[str, Any]) -> None:
        """Say hello and wait for the answer; Refused when it is GOAWAY. Then nothing times out any more."""
        hello = {
            "version": _wire.VERSION,
            "min_version": _wire.VERSION,
            "codecs": ["json"],
            "capabilities": [],
            "agent": AGENT,
            **hello,
        }
        self.sendall(_wire.PREFACE + _wire.frame(_wire.HELLO, 0, self.codec.encode(hello, "hello")))
        frame = self.receive()
        if frame is None:
            raise ConnectionError("the supervisor closed the connection before it answered hello")
        type, _, _, payload = frame
        if type == _wire.GOAWAY:
            raise Refused(goaway_message(self.codec, payload))
        if type != _wire.HELLO_ACK:
            raise WireError(f"a frame of type {type} answers hello")
        welcome = self.codec.decode(payload)
        if not isinstance(welcome, dict) or welcome.get("version") != _wire.VERSION:
            raise WireError(f"the supervisor answers hello with {welcome!r:.200}, not with version {_wire.VERSION}")
        self.welcome = welcome
        self.max_frame = self._decoder.limit = int(welcome.get("max_frame", _wire.MAX_FRAME))
        self.max_body = int(welcome.get("max_body", _wire.MAX_BODY))
        self.socket.settimeout(None)

    def receive(self) -> _wire.Frame | None:
        """Return the next frame, or None at the end; its payload is valid until the next call."""
        decoder = self._decoder
        frame = decoder.next()
        while frame is None:
            try:
                count = self.socket.recv_into(decoder.space())
            except ConnectionError:
                return None
            if count == 0:
                return None
            decoder.grew(count)
            frame = decoder.next()
        return frame

    def send_body(self, type: int, stream: int, head: bytes, body: bytes) -> None:
        """Send a body in as many frames as it needs; a small one is one write."""
        size = len(head) + len(body)
        if size <= self.max_frame:
            self.sendall(_wire.HEADER.pack(size, type, _wire.FLAG_END, 0, stream) + head + body)
            return
        for data in _wire.body_frames(type, stream, head, body, self.max_frame):
            self.sendall(data)

    def gather(self, payload: _wire.Buffer, flags: int, stream: int) -> _wire.Buffer | None:
        """Return the whole body that begins with payload, reading its CHUNKs.

        None when it exceeds max_body; it was read to its end and dropped. A
        connection that ends within a body is a ConnectionError.
        """
        if flags & _wire.FLAG_END:
            return payload if len(payload) <= self.max_body else None
        body = bytearray(payload)
        size = len(body)
        while not flags & _wire.FLAG_END:
            frame = self.receive()
            if frame is None:
                raise ConnectionError("the connection ended within a body")
            type, flags, of, chunk = frame
            if type != _wire.CHUNK or of != stream:
                raise WireError(f"a frame of type {type} stands within the body of stream {stream}")
            size += len(chunk)
            if size > self.max_body:
                body.clear()
            else:
                body += chunk
        return None if size > self.max_body else bytes(body)

    def send_away(self, reason: WireError) -> None:
        """Tell the peer how it broke the protocol; nobody may be there to read it."""
        try:
            error = self.codec.encode_error(call_error("protocol", str(reason)))
            self.sendall(_wire.frame(_wire.GOAWAY, 0, error))
        except OSError:
            pass

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self.socket.close()


def goaway_message(codec: Codec, payload: _wire.Buffer) -> str:
    """Return what a GOAWAY says, whatever its payload is."""
    try:
        error = codec.decode(payload)
        return str(error["message"])  # type: ignore[index]
    except (ValueError, TypeError, KeyError):
        return "the peer ended the connection without saying why"


def _connect(sock: socket, path: str) -> None:
    """Connect to a socket; a path too long for the kernel goes through a descriptor of its directory."""
    if len(os.fsencode(path)) <= MAX_PATH:
        sock.connect(path)
        return
    if not sys.platform.startswith("linux"):
        raise OSError(f"cannot connect to {path}: the path is longer than {MAX_PATH} bytes")
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        sock.connect(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    finally:
        os.close(directory)


def _above_stdio(made: socket) -> socket:
    """Return the socket under a number above 2: after a handler closed stdout, print would write into it."""
    fd = made.fileno()
    if fd > 2:
        return made
    from fcntl import F_DUPFD_CLOEXEC, fcntl

    moved = socket(AF_UNIX, SOCK_STREAM, 0, fcntl(fd, F_DUPFD_CLOEXEC, 3))
    made.close()
    return moved
