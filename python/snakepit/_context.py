"""What a handler is told about the call it executes."""

from __future__ import annotations

from time import monotonic_ns

from ._errors import Cancelled, DeadlineExceeded

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Container
    from typing import Any

    from ._progress import Progress


class Context:
    """Context belongs to one call; take it with a parameter that is annotated `Context` or named `ctx`.

    state is what the adapter's `@init` returned, local what its `@thread_init`
    returned for the slot that runs the call, config the pool's `config`,
    call_id the caller's id of the call (32 hex digits), session its session key
    (or ""), worker_id the incarnation that serves it (`pool.api/0@7f2c`), deadline
    the moment in `time.monotonic()` seconds at which the caller stops waiting
    (None: never). In hooks the call's own fields are empty.
    """

    __slots__ = (
        "_cancelled_ids",
        "_deadline_ns",
        "_id",
        "_progress",
        "command",
        "config",
        "local",
        "session",
        "state",
        "worker_id",
    )

    def __init__(
        self,
        config: dict[str, Any],
        state: Any = None,
        worker_id: str = "",
        command: str = "",
        session: str = "",
        call_id: bytes = b"",
        deadline_ns: int = 0,
        cancelled_ids: Container[bytes] = (),
        local: Any = None,
        progress: Progress | None = None,
    ) -> None:
        self.config: dict[str, Any] = config
        self.state: Any = state
        self.worker_id: str = worker_id
        self.command: str = command
        self.session: str = session
        self._id = call_id
        self._deadline_ns = deadline_ns
        self._cancelled_ids = cancelled_ids
        self.local: Any = local
        self._progress = progress

    @property
    def call_id(self) -> str:
        """The id that the caller gave the call, in hex."""
        return self._id.hex()

    @property
    def deadline(self) -> float | None:
        """The `time.monotonic()` at which the caller stops waiting; None is never."""
        return self._deadline_ns / 1e9 if self._deadline_ns else None

    def remaining(self) -> float | None:
        """Return the seconds that are left, never less than 0; None when there is no deadline."""
        if not self._deadline_ns:
            return None
        return max(0, self._deadline_ns - monotonic_ns()) / 1e9

    @property
    def cancelled(self) -> bool:
        """Whether the caller gave up or the deadline has passed: the result is of no use any more."""
        if self._id in self._cancelled_ids:
            return True
        return bool(self._deadline_ns) and monotonic_ns() >= self._deadline_ns

    def check(self) -> None:
        """Raise Cancelled or DeadlineExceeded when the result is of no use any more.

        A long handler calls it now and then; leaving the exception alone ends the call.
        """
        if self._id in self._cancelled_ids:
            raise Cancelled("the caller cancelled the call")
        if self._deadline_ns and monotonic_ns() >= self._deadline_ns:
            raise DeadlineExceeded("the deadline of the call has passed")

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Tell how far the call has come: done of total, or of who knows how much.

        `snakectl status` and the event request.progress show it. It costs a handler next
        to nothing to call this in every round: what comes within a tenth of a second is left out.
        """
        if self._progress is not None:
            self._progress.report(self._id, done, total, note)

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that writes to the worker's log, each line with the time, the level and the call's id."""
        import logging

        from . import _logging

        return logging.LoggerAdapter(_logging.install(), {"call": self.call_id})
