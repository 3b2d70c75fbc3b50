"""Frames and envelopes: bytes in, values out. Nothing here opens a socket.

The layout is the one of docs/reference/wire.md; the Go side implements the same
page and both read each other's golden vectors.
"""

from __future__ import annotations

from _struct import Struct, error  # type: ignore[attr-defined]

from ._errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Union

    Buffer = Union[bytes, bytearray, memoryview]
    Frame = tuple[int, int, int, memoryview]  # type, flags, stream, payload

PREFACE = b"SNK1"
VERSION = 1
MAX_FRAME = 256 << 10
MAX_FRAME_BEFORE_HELLO = 64 << 10
MAX_BODY = 64 << 20
MAX_STRINGS = 4096
MAX_DEADLINE = 1 << 62  # nanoseconds, some 146 years
CODEC_JSON = 1

HELLO, HELLO_ACK, CALL, STARTED, RESULT, CHUNK, END, ERROR, CANCEL, WINDOW, RELEASE = range(1, 12)
PING, PONG, EVENT, TOOL_CALL, TOOL_RESULT, DRAIN, GOAWAY, ATTACH = range(12, 20)

FLAG_END = 1
FLAG_IGNORABLE = 2

BIT_IDEMPOTENT = 1

HEADER = Struct("<IBBHQ")
_CALL = Struct("<Q16sBBBB")
_RESULT = Struct("<QQBBH")
_LENGTH = Struct("<H").unpack_from


def frame(type: int, stream: int, *payload: Buffer, flags: int = 0) -> bytes:
    """Return one whole frame whose payload is the parts in order."""
    size = sum(map(len, payload))
    return b"".join((HEADER.pack(size, type, flags, 0, stream), *payload))


def body_frames(type: int, stream: int, head: Buffer, body: bytes, limit: int) -> Iterator[bytes]:
    """Yield the frames of a body: head and body in one if they fit, else CHUNKs after it.

    The last frame carries END. No payload is longer than limit.
    """
    room = limit - len(head)
    view = memoryview(body)
    size = len(body)
    yield frame(type, stream, head, view[:room], flags=0 if size > room else FLAG_END)
    for at in range(room, size, limit):
        yield frame(CHUNK, stream, view[at : at + limit], flags=0 if at + limit < size else FLAG_END)


class Decoder:
    """Decoder cuts a byte stream into frames; it holds one frame at most, plus what came with it.

    The owner reads into `space()`, reports the count to `grew`, and takes frames
    from `next` until it returns None. A payload is a view that is valid until
    `space` is called again. A frame longer than `limit` is a WireError as soon as
    its header is there; no memory is taken for it.
    """

    __slots__ = ("_buffer", "_end", "_start", "_view", "limit")

    def __init__(self, limit: int = MAX_FRAME_BEFORE_HELLO) -> None:
        self.limit = limit
        self._buffer = bytearray(16 << 10)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def space(self) -> memoryview:
        """Return room for the next read, at least one byte."""
        start, end = self._start, self._end
        if start == end:
            self._start = self._end = 0
            return self._view
        held = end - start
        need = HEADER.size
        if held >= need:
            need += HEADER.unpack_from(self._buffer, start)[0]
        if start + need > len(self._buffer):
            old = self._view[start:end]
            if need > len(self._buffer):
                self._buffer = bytearray(need)
                self._view = memoryview(self._buffer)
            self._view[:held] = old
            self._start, self._end = 0, held
        return self._view[self._end :]

    def grew(self, count: int) -> None:
        """Say that count bytes were read into the room."""
        self._end += count

    def next(self) -> Frame | None:
        """Return the next whole frame, or None when more bytes are needed."""
        start = self._start
        if self._end - start < 16:
            return None
        length, type, flags, _, stream = HEADER.unpack_from(self._buffer, start)
        if length > self.limit:
            raise WireError(f"a frame of {length} bytes exceeds the limit of {self.limit}")
        stop = start + 16 + length
        if stop > self._end:
            return None
        self._start = stop
        return type, flags, stream, self._view[start + 16 : stop]


class Call:
    """Call is the envelope of a CALL frame; body is what followed it in that frame."""

    __slots__ = (
        "bits",
        "body",
        "call_id",
        "codec",
        "command",
        "deadline",
        "idempotency_key",
        "pool",
        "priority",
        "session",
        "traceparent",
    )

    def __init__(
        self,
        deadline: int = 0,
        call_id: bytes = b"",
        codec: int = CODEC_JSON,
        priority: int = 0,
        bits: int = 0,
        pool: str = "",
        command: str = "",
        session: str = "",
        idempotency_key: str = "",
        traceparent: str = "",
        body: Buffer = b"",
    ) -> None:
        self.deadline = deadline
        self.call_id = call_id
        self.codec = codec
        self.priority = priority
        self.bits = bits
        self.pool = pool
        self.command = command
        self.session = session
        self.idempotency_key = idempotency_key
        self.traceparent = traceparent
        self.body = body


def pack_call(call: Call) -> bytes:
    """Return the envelope of call without its body; ValueError when its strings are too long."""
    parts = [_CALL.pack(call.deadline, call.call_id, call.codec, call.priority, call.bits, 0)]
    total = 0
    for text in (call.pool, call.command, call.session, call.idempotency_key, call.traceparent):
        data = text.encode()
        total += len(data)
        parts.append(min(len(data), 0xFFFF).to_bytes(2, "little"))
        parts.append(data)
    if total > MAX_STRINGS:
        raise ValueError(f"the strings of a call are {total} bytes long, the limit is {MAX_STRINGS}")
    return b"".join(parts)


class CallReader:
    """CallReader reads the envelopes of one connection's calls.

    The strings of a call are mostly those of the call before, so it remembers
    them; decoding five strings anew costs as much as decoding a small body.
    """

    __slots__ = ("_known", "_stop", "_texts")

    def __init__(self) -> None:
        self._known = b""
        self._stop = 0
        self._texts: tuple[str, ...] = ()

    def read(self, payload: Buffer) -> tuple[int, bytes, int, int, int, tuple[str, ...], Buffer]:
        """Return deadline, call id, codec, priority, bits, the five strings, and a view of the body."""
        size = len(payload)
        if size < 38:
            raise WireError(f"the envelope of a call is cut off after {size} bytes")
        deadline, call_id, codec, priority, bits, _ = _CALL.unpack_from(payload)
        if deadline > MAX_DEADLINE:
            raise WireError(f"the deadline of a call is {deadline} ns, the limit is {MAX_DEADLINE}")
        stop = self._stop
        if not stop or payload[28:stop] != self._known:
            self._texts, stop = _read_strings(payload, size)
            self._known = bytes(payload[28:stop])
            self._stop = stop
        return deadline, call_id, codec, priority, bits, self._texts, payload[stop:]


def parse_call(payload: Buffer) -> Call:
    """Return the envelope at the start of a CALL payload; its body is a view of the rest."""
    deadline, call_id, codec, priority, bits, texts, body = CallReader().read(payload)
    pool, command, session, key, traceparent = texts
    return Call(deadline, call_id, codec, priority, bits, pool, command, session, key, traceparent, body)


def _read_strings(payload: Buffer, size: int) -> tuple[tuple[str, ...], int]:
    """Return the strings of an envelope and where they end."""
    at = 28
    texts = []
    try:
        for _ in range(5):
            begin = at + 2
            at = begin + _LENGTH(payload, at)[0]
            texts.append(str(payload[begin:at], "utf-8"))
    except UnicodeDecodeError as err:
        raise WireError(f"a string of a call's envelope is not UTF-8: {err.reason}") from None
    except error:
        at = size + 1
    if at > size:
        raise WireError(f"the envelope of a call is cut off after {size} bytes")
    if at - 38 > MAX_STRINGS:
        raise WireError(f"the strings of a call are {at - 38} bytes long, the limit is {MAX_STRINGS}")
    return tuple(texts), at


def pack_result(exec_ns: int, worker: bytes, queue_ns: int = 0) -> bytes:
    """Return the envelope of a RESULT without its body; worker is the incarnation's address."""
    return _RESULT.pack(queue_ns, exec_ns, CODEC_JSON, 0, len(worker)) + worker


def result_packer(worker: bytes) -> Callable[[int], bytes]:
    """Return pack_result for one worker: all that a call adds is how long its handler took."""
    pack, length = _RESULT.pack, len(worker)

    def packed(exec_ns: int) -> bytes:
        return pack(0, exec_ns, CODEC_JSON, 0, length) + worker

    return packed


def parse_result(payload: Buffer) -> tuple[int, int, int, str, Buffer]:
    """Return queue_ns, exec_ns, codec, worker and body of a RESULT payload."""
    if len(payload) < _RESULT.size:
        raise WireError(f"the envelope of a result is cut off after {len(payload)} bytes")
    queue_ns, exec_ns, codec, _, length = _RESULT.unpack_from(payload)
    stop = _RESULT.size + length
    if stop > len(payload):
        raise WireError(f"the envelope of a result is cut off after {len(payload)} bytes")
    try:
        worker = str(payload[_RESULT.size : stop], "utf-8")
    except UnicodeDecodeError as err:
        raise WireError(f"the worker of a result is not UTF-8: {err.reason}") from None
    return queue_ns, exec_ns, codec, worker, payload[stop:]
