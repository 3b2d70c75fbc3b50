"""A slot: executes one call at a time and makes its answer."""

from __future__ import annotations

import os
from time import monotonic_ns

from . import _wire
from ._adapter import Adapter, Command
from ._codec import Codec, EncodeError
from ._context import Context
from ._errors import InvalidArgument, call_error
from ._link import Link
from ._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any


class Terminated(SystemExit):
    """Terminated is SIGTERM on its way out of a handler; it is not the handler's own exit."""


class Answer:
    """Answer is a finished call: RESULT or ERROR, kept until it is sent."""

    __slots__ = ("body", "call_id", "cause", "head", "stream", "type")

    def __init__(self, type: int, stream: int, call_id: bytes, head: bytes, body: bytes) -> None:
        self.type = type
        self.stream = stream
        self.call_id = call_id
        self.head = head
        self.body = body
        self.cause: BaseException | None = None

    def send(self, link: Link) -> None:
        """Send the answer whole; OSError when the peer is gone."""
        link.send_body(self.type, self.stream, self.head, self.body)

    def end_child(self) -> None:
        """End a child that a handler forked and let return: the parent answers the call."""
        status = 0 if self.type == _wire.RESULT else 1
        if isinstance(self.cause, SystemExit):
            code = self.cause.code
            status = code if isinstance(code, int) else 0 if code is None else 1
        os._exit(status & 0xFF)


class Slot:
    """Slot runs the calls of one connection in the thread that reads it.

    running says whether a handler is executing; other threads may read it.
    """

    def __init__(self, adapter: Adapter, worker_id: str, cancelled: dict[bytes, bool], codec: Codec) -> None:
        self.running = False
        self._adapter = adapter
        self._commands = adapter.commands
        self._worker_id = worker_id
        self._worker = worker_id.encode()
        self._cancelled = cancelled
        self._codec = codec
        self._loop: Any = None

    def execute(self, link: Link, payload: memoryview, flags: int, stream: int) -> Answer:
        """Execute the call whose first frame is given and return its answer.

        OSError when the connection ends within the call's body.
        """
        call = _wire.parse_call(payload)
        body = call.body
        if not flags & _wire.FLAG_END or len(body) > link.max_body:
            body = link.gather(body, flags, stream)
        call_id = call.call_id
        began = 0
        self.running = True
        try:
            refusal = self._refuse(call, body, link.max_body)
            if refusal is not None:
                return self._error(stream, call_id, refusal)
            command = self._commands.get(call.command) or self._adapter.command(call.command)
            context = Context(
                self._adapter.config,
                self._adapter.state,
                self._worker_id,
                call.command,
                call.session,
                call_id,
                call.deadline,
                self._cancelled,
            )
            args, kwargs = command.signature.bind(self._arguments(body), context)
            began = monotonic_ns()
            value = command.handler(*args, **kwargs)
            if command.is_async:
                value = self._await(value)
            took = monotonic_ns() - began
            data = self._codec.encode(value)
            if len(data) > link.max_body:
                return self._error(stream, call_id, self._too_large(command, len(data), link.max_body))
            head = _wire.pack_result(took, self._worker)
            return Answer(_wire.RESULT, stream, call_id, head, data)
        except Terminated:
            raise
        except BaseException as err:
            answer = self._error(stream, call_id, self._describe(err, began != 0))
            answer.cause = err
            return answer
        finally:
            self.running = False
            if self._cancelled:
                self._cancelled.pop(call_id, None)

    def _refuse(self, call: _wire.Call, body: object, limit: int) -> dict[str, object] | None:
        """Return why a call is not worth starting, if so."""
        if body is None:
            return call_error("too_large", f"the arguments exceed {limit} bytes")
        if call.codec != _wire.CODEC_JSON:
            return call_error("protocol", f"the worker does not speak codec {call.codec}")
        if call.call_id in self._cancelled:
            return call_error("cancelled", "the caller cancelled the call before it started")
        if call.deadline and monotonic_ns() >= call.deadline:
            return call_error("deadline_exceeded", "the deadline passed before the call started", retryable=True)
        return None

    def _arguments(self, body: Any) -> object:
        if not len(body):
            return None
        try:
            return self._codec.decode(body)
        except ValueError as err:
            raise InvalidArgument(f"the arguments are not JSON: {err}") from None

    def _await(self, value: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the slot's own event loop, made for the first one."""
        if self._loop is None:
            import asyncio

            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(value)

    def _describe(self, err: BaseException, started: bool) -> dict[str, object]:
        if isinstance(err, EncodeError):
            return call_error("raised", str(err), type="TypeError", started=True)
        return report(err, started=started)

    def _too_large(self, command: Command, size: int, limit: int) -> dict[str, object]:
        return call_error("too_large", f"the result of {command.name} has {size} bytes, the limit is {limit}", started=True)

    def _error(self, stream: int, call_id: bytes, error: dict[str, object]) -> Answer:
        """Return an ERROR, which is one frame: long texts give way until it fits."""
        error["worker"] = self._worker_id
        body = self._codec.encode_error(error)
        return Answer(_wire.ERROR, stream, call_id, b"", body)
