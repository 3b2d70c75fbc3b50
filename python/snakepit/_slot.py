"""A slot: executes one call at a time and makes its answer."""

from __future__ import annotations

import os
from time import monotonic_ns

from . import _wire
from ._adapter import Adapter, Command
from ._codec import Codec, EncodeError
from ._context import Context
from ._errors import Cancelled, DeadlineExceeded, InvalidArgument, TooLarge, WireError, call_error
from ._link import Link
from ._report import report
from ._wire import CODEC_JSON, RESULT

TURN = 0.05  # seconds between two looks whether a call that waits for its turn is still wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, Callable

    from ._loop import SharedLoop
    from ._progress import Progress


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

    running says whether a handler is executing, current names its call, calls counts those that
    have begun; other threads may read them.
    """

    def __init__(
        self,
        adapter: Adapter,
        worker_id: str,
        cancelled: dict[bytes, bool],
        codec: Codec,
        tell: Callable[[dict[str, Any]], None] | None = None,
        loop: SharedLoop | None = None,
    ) -> None:
        self.running = False
        self.current = b""
        self.calls = 0
        self._adapter = adapter
        self._commands = adapter.commands
        self._worker_id = worker_id
        self._worker = worker_id.encode()
        self._cancelled = cancelled
        self._codec = codec
        self._decode = codec.decode
        self._encode = codec.encode
        self._pack = _wire.result_packer(self._worker)
        self._read = _wire.CallReader().read
        self._shared = loop
        self._loop: Any = None
        self._local: Any = None
        self._stop: tuple[bytes, Callable[[], object]] | None = None
        self._progress = _progress(adapter, tell)

    def enter(self) -> None:
        """Run the adapter's @thread_init, in the thread that will execute the calls."""
        self._local = self._adapter.enter()

    def leave(self) -> None:
        """Run the adapter's @thread_exit in the same thread, and end the event loop, if a handler ever needed it."""
        try:
            self._adapter.leave(self._local)
        finally:
            if self._loop is not None:
                self._loop.close()

    def stop(self, call_id: bytes) -> None:
        """Stop the handler of a call from another thread, if it still runs and is of a kind that can be stopped."""
        current = self._stop
        if current is not None and current[0] == call_id:
            try:
                current[1]()
            except RuntimeError:
                pass  # the event loop was closed this moment

    def execute(self, link: Link, payload: memoryview, flags: int, stream: int) -> Answer:
        """Execute the call whose first frame is given and return its answer.

        OSError when the connection ends within the call's body.
        """
        deadline, call_id, codec, _, _, texts, part = self._read(payload)
        body: _wire.Buffer | None = part
        if not flags & _wire.FLAG_END:
            body = link.gather(part, flags, stream)
        return self.run(texts[1], body, stream, call_id, deadline, texts[2], codec, link.max_body)

    def run(
        self,
        name: str,
        body: Any,
        stream: int = 0,
        call_id: bytes = b"",
        deadline: int = 0,
        session: str = "",
        codec: int = _wire.CODEC_JSON,
        limit: int = _wire.MAX_BODY,
    ) -> Answer:
        """Execute the command of this name with an encoded body; None stands for one over the limit."""
        began = 0
        self.running = True
        self.current = call_id
        self.calls += 1
        try:
            if body is None:
                raise TooLarge(f"the arguments exceed {limit} bytes")
            if deadline or self._cancelled or codec != CODEC_JSON:
                self._refuse(call_id, codec, deadline)
            command = self._commands.get(name) or self._adapter.command(name)
            context = None
            if command.wants_context:
                adapter = self._adapter
                context = Context(
                    adapter.config,
                    adapter.state,
                    self._worker_id,
                    name,
                    session,
                    call_id,
                    deadline,
                    self._cancelled,
                    self._local,
                    self._progress,
                )
            try:
                arguments = self._decode(body) if body else None
            except ValueError as err:
                raise InvalidArgument(f"the arguments are not JSON: {err}") from None
            args, kwargs = command.bind(arguments, context)
            began = monotonic_ns()
            if command.is_plain:
                value = command.handler(*args, **kwargs)
            else:
                value = self._special(command, args, kwargs, call_id, deadline)
            took = monotonic_ns() - began
            try:
                data = self._encode(value)
            except EncodeError:
                if not command.markers:
                    raise
                data = self._encode_marked(value)
            if len(data) > limit:
                raise TooLarge(f"the result of {name} has {len(data)} bytes, the limit is {limit}")
            return Answer(RESULT, stream, call_id, self._pack(took), data)
        except Terminated:
            raise
        except BaseException as err:
            return self._failed(stream, call_id, err, began != 0)
        finally:
            self.running = False
            self.current = b""
            if self._cancelled:
                self._cancelled.pop(call_id, None)

    def _refuse(self, call_id: bytes, codec: int, deadline: int) -> None:
        """Raise when a call is not worth starting."""
        if codec != _wire.CODEC_JSON:
            raise WireError(f"the worker does not speak codec {codec}")
        if call_id in self._cancelled:
            raise Cancelled("the caller cancelled the call before it started")
        if deadline and monotonic_ns() >= deadline:
            raise DeadlineExceeded("the deadline passed before the call started")

    def _special(self, command: Command, args: Any, kwargs: Any, call_id: bytes, deadline: int) -> Any:
        """Run a handler that takes turns, is a coroutine function or may be interrupted."""
        turn = command.turn
        if turn is not None:
            while not turn.acquire(timeout=TURN):
                self._refuse(call_id, _wire.CODEC_JSON, deadline)
        try:
            if command.is_async:
                return self._await(command.handler(*args, **kwargs), call_id, deadline)
            if command.interrupt:
                return self._interruptible(command.handler, args, kwargs, call_id)
            return command.handler(*args, **kwargs)
        finally:
            if turn is not None:
                turn.release()

    def _await(self, value: Coroutine[Any, Any, Any], call_id: bytes, deadline: int) -> Any:
        """Run a coroutine, on the loop that the slots share or on the slot's own; a cancel cancels it."""
        import asyncio

        if self._shared is not None:
            job = self._shared.start(value)
            cancel, wait = job.cancel, job.result
        else:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
            loop = self._loop
            task = loop.create_task(value)
            cancel, wait = (lambda: loop.call_soon_threadsafe(task.cancel)), (lambda: loop.run_until_complete(task))
        self._stop = call_id, cancel
        if call_id in self._cancelled:
            cancel()
        try:
            return wait()
        except asyncio.CancelledError:
            if deadline and monotonic_ns() >= deadline:
                raise DeadlineExceeded("the deadline of the call has passed") from None
            if call_id in self._cancelled:
                raise Cancelled("the caller cancelled the call") from None
            raise
        finally:
            self._stop = None

    def _interruptible(self, handler: Callable[..., Any], args: Any, kwargs: Any, call_id: bytes) -> Any:
        """Run a handler that a cancel interrupts."""
        from ._interrupt import Interrupter

        interrupter = Interrupter()
        try:
            self._stop = call_id, interrupter.throw
            if call_id in self._cancelled:
                raise Cancelled("the caller cancelled the call before it started")
            return handler(*args, **kwargs)
        finally:
            self._stop = None
            interrupter.disarm()

    def _encode_marked(self, value: Any) -> bytes:
        """Encode a value with markers for what JSON cannot express."""
        from ._natural import marked

        return self._encode(marked(value))

    def _failed(self, stream: int, call_id: bytes, err: BaseException, started: bool) -> Answer:
        """Return an ERROR, which is one frame: long texts give way until it fits."""
        if isinstance(err, EncodeError):
            error = call_error("raised", str(err), type="TypeError", started=True)
        else:
            error = report(err, started=started)
        error["worker"] = self._worker_id
        answer = Answer(_wire.ERROR, stream, call_id, b"", self._codec.encode_error(error))
        answer.cause = err
        return answer


def _progress(adapter: Adapter, tell: Callable[[dict[str, Any]], None] | None) -> Progress | None:
    """Return what tells how far calls have come; None where no handler could say it."""
    if tell is None or not any(command.signature.wants_context for command in adapter.commands.values()):
        return None
    from ._progress import Progress

    return Progress(tell)
