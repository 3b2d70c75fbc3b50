"""The control connection of a worker, served by one thread of its own."""

from __future__ import annotations

import os
import sys
import time
from _thread import allocate_lock, start_new_thread

from . import _output, _wire
from ._codec import Codec
from ._errors import WireError
from ._launch import Launch
from ._link import Link, Refused, goaway_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._gil import GilWatch
    from ._memory import Growth

RETRY = 0.05
HANDSHAKE = 5.0
MAX_CANCELLED = 256


class Control:
    """Control keeps the control connection: it answers pings while the main thread imports or works.

    The main thread starts it, announces with it that the worker is ready or
    failed; the threads of slots read `cancelled` and `draining`; everything else
    happens in the control thread. The dict of cancelled ids is the only thing that
    several threads change, by single operations that are atomic.
    """

    def __init__(self, launch: Launch, running: Callable[[], list[dict[str, Any]]]) -> None:
        self.cancelled: dict[bytes, bool] = {}
        self.draining = False
        self.growth: Growth | None = None
        self.gil = self._watch_gil()
        self._launch = launch
        self._running = running
        self._codec = Codec()
        self._commands: list[dict[str, Any]] | None = None
        self._log = _output.Log()
        self._ailment: Callable[[], str] | None = None
        self._ailing = ""
        self._stop: Callable[[bytes], None] | None = None
        self._unsafe: list[dict[str, Any]] = []
        self._sending = allocate_lock()  # guards writes to _link
        self._link: Link | None = None

    def start(self) -> None:
        """Connect, say hello, and serve from a thread that does not keep the process alive."""
        self._link = link = self._open({"state": "starting"}, None)
        start_new_thread(self._serve, (link,))

    def attend(self, ailment: Callable[[], str] | None, stop: Callable[[bytes], None]) -> None:
        """Ask from now on what is wrong before answering a ping, and pass on which call is to stop."""
        self._ailment = ailment
        self._stop = stop

    def announce(self, event: dict[str, Any]) -> None:
        """Tell the supervisor something; any thread may."""
        payload = Codec().encode(event, "event")
        try:
            self._send(_wire.EVENT, payload)
        except OSError:
            pass  # the supervisor is gone; the next one learns the state from hello

    def announce_ready(self, commands: list[dict[str, Any]]) -> None:
        """Say that the adapter is loaded and which commands it has."""
        self._commands = commands
        self.announce({"event": "ready", **self._facts(), "commands": commands})

    def announce_failed(self, error: dict[str, object]) -> None:
        """Say why the adapter cannot be loaded or started."""
        self.announce({"event": "failed", "error": error})

    def _watch_gil(self) -> GilWatch | None:
        """Return what notices that the GIL comes on; None where the interpreter has it always."""
        if "t" not in getattr(sys, "abiflags", ""):
            return None
        from ._gil import GilWatch

        return GilWatch(self._announce_gil)

    def _facts(self) -> dict[str, Any]:
        """Return what a supervisor is told of the interpreter."""
        version = ".".join(map(str, sys.version_info[:3]))
        return {"python": version, "gil": self.gil is None or self.gil.is_on()}

    def _announce_gil(self, culprits: list[str]) -> None:
        self.announce({"event": "gil", "gil": True, "modules": culprits})

    def announce_unsafe(self, finding: dict[str, Any]) -> None:
        """Tell, and write to the log, that two slots write one thing without a common lock; any thread may."""
        from ._writes import explain

        self._unsafe.append(finding)
        print(f"snakepit: {explain(finding)}", file=sys.stderr, flush=True)
        self.announce({"event": "unsafe", "finding": finding})

    def announce_memory(self, resident: int) -> None:
        """Say that the process has grown to so many bytes."""
        self.announce({"event": "memory", "rss_bytes": resident})

    def close(self) -> None:
        """Close this process's copy of the connection."""
        if self._link is not None:
            self._link.close()

    def _send(self, type: int, payload: _wire.Buffer) -> None:
        with self._sending:
            if self._link is not None:
                self._link.sendall(_wire.frame(type, 0, payload))

    def _open(self, state: dict[str, Any], timeout: float | None) -> Link:
        link = Link(self._launch.socket, self._codec, timeout)
        try:
            link.greet({"role": "control", "worker": {**self._launch.identity(), **state}})
        except BaseException:
            link.close()
            raise
        self._take_grace(link.welcome.get("orphan_grace_ms"))
        return link

    def _serve(self, link: Link) -> None:
        """Serve until the supervisor is gone for good; a connection that ends is opened again."""
        while True:
            try:
                self._answer(link)
            except WireError as err:
                link.send_away(err)
                leave(1, f"the supervisor broke the protocol: {err}")
            except OSError:
                pass
            link.close()
            found = self._reconnect()
            if found is None:
                return
            link = found

    def _answer(self, link: Link) -> None:
        while True:
            frame = link.receive()
            if frame is None:
                return
            type, flags, _, payload = frame
            if type == _wire.PING:
                self._take_ping(payload)
            elif type == _wire.CANCEL:
                self._cancel(bytes(payload))
            elif type == _wire.DRAIN:
                self.draining = True
                if self._commands is None:
                    leave(0)
            elif type == _wire.EVENT:
                self._take_event(payload)
            elif type == _wire.GOAWAY:
                leave(0, f"the supervisor sent this worker away: {goaway_message(self._codec, payload)}")
            elif not flags & _wire.FLAG_IGNORABLE:
                raise WireError(f"a control connection does not take frames of type {type}")

    def _take_ping(self, payload: memoryview) -> None:
        """Answer a ping, unless the adapter says that something is wrong: then the check is missed."""
        for name in self._log.mend():
            print(f"snakepit: a handler closed {name}; it goes to the log again", file=sys.stderr, flush=True)
        if self.gil is not None:
            self.gil.look()
        ailment = self._ailment() if self._ailment is not None else ""
        if not ailment:
            self._send(_wire.PONG, payload)
        if ailment != self._ailing:
            self._ailing = ailment
            print(f"snakepit: {ailment or 'well again'}", file=sys.stderr, flush=True)

    def _take_event(self, payload: memoryview) -> None:
        """Take up a change of the settings or of the log; events of later supervisors are skipped."""
        event = self._codec.decode(payload)
        if not isinstance(event, dict):
            return
        if event.get("event") == "settings":
            self._take_grace(event.get("orphan_grace_ms"))
            step = event.get("memory_step_bytes")
            if isinstance(step, int):
                self._watch_growth(step)
        elif event.get("event") == "reopen":
            self._log.reopen(str(event.get("path")))

    def _watch_growth(self, step: int) -> None:
        """Look from now on after each call whether the process has grown by step bytes; 0 is off."""
        if self.growth is None:
            if not step:
                return
            from ._memory import Growth

            self.growth = Growth()
        self.growth.watch(step)

    def _take_grace(self, milliseconds: object) -> None:
        if isinstance(milliseconds, int):
            self._launch.orphan_grace = milliseconds / 1000

    def _cancel(self, call_id: bytes) -> None:
        """Remember the id: the call may be running, waiting behind another, or over."""
        if len(self.cancelled) >= MAX_CANCELLED * self._launch.slots:
            try:
                self.cancelled.pop(next(iter(self.cancelled)), None)
            except (RuntimeError, StopIteration):
                pass  # slots have just ended calls of theirs
        self.cancelled[call_id] = True
        if self._stop is not None:
            self._stop(call_id)

    def _reconnect(self) -> Link | None:
        """Connect to the next supervisor; None when the main thread sees to the end by itself."""
        if self._commands is None:
            leave(1, "the supervisor went away before this worker was ready")
        end = time.monotonic() + self._launch.orphan_grace
        while time.monotonic() < end:
            try:
                state = {"state": "ready", **self._facts(), "commands": self._commands}
                link = self._open({**state, **self._told()}, HANDSHAKE)
            except Refused as err:
                leave(0, f"the supervisor sent this worker away: {err}")
            except (OSError, WireError):
                time.sleep(RETRY)
            else:
                with self._sending:
                    self._link = link
                self._tell_again()
                return link
        if self._running():
            leave(0, "no supervisor came back within orphan_grace; the call that still runs is given up")
        return None

    def _told(self) -> dict[str, Any]:
        """Return what HELLO tells of the call that runs in the only slot."""
        if self._launch.slots > 1:
            return {}
        for told in self._running():
            return {"running": [{"slot": told["slot"], "id": told["call"]}], "history": told["history"]}
        return {}

    def _tell_again(self) -> None:
        """Tell a new supervisor what does not fit HELLO: the calls of many slots, why the GIL is on, what is unsafe."""
        if self._launch.slots > 1:
            for told in self._running():
                self.announce({"event": "running", **told})
        if self.gil is not None and self.gil.culprits is not None:
            self._announce_gil(self.gil.culprits)
        for finding in self._unsafe:
            self.announce({"event": "unsafe", "finding": finding})


def leave(status: int, reason: str = "") -> None:
    """End the process at once, from any thread, with the last word on stderr."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if reason and stream is sys.stderr:
                stream.write(f"snakepit: {reason}\n")
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
    os._exit(status)
