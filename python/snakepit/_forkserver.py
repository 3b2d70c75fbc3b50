"""The fork server: a process that imports once and forks a worker for each request.

Requests and answers are packets of JSON on an inherited socket. A request brings
two descriptors, the log and the launch document of the worker; the document is
written only when the supervisor knows the worker's pid, and one that is closed
unwritten ends the worker. The end of the socket ends the server, and no worker.
"""

from __future__ import annotations

import gc
import os
import sys
from _signal import SIG_DFL, SIG_IGN, SIG_SETMASK, SIGINT, SIGTERM, pthread_sigmask, signal  # type: ignore[import-not-found]
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_SEQPACKET, SOL_SOCKET, socket

from ._codec import Codec
from ._hazards import Hazards
from ._launch import Launch, read_launch
from ._nameplate import Nameplate
from ._output import dump_on_signal
from ._preload import Preload
from ._report import report
from ._service import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REQUESTS_FD = 4
MAX_REQUEST = 4 << 10
FD_SIZE = 4


class Stranger(Exception):
    """Stranger is a process that a preload forked and that came back as if it were the server."""


class ForkServer:
    """ForkServer preloads and forks. `run` returns in the server with an exit status, in a worker with its launch."""

    def __init__(self, launch: Launch, preload: Preload) -> None:
        self._launch = launch
        self._preload = preload
        self._codec = Codec()
        self._hazards = Hazards(launch.share_descriptors)
        self._socket = socket(AF_UNIX, SOCK_SEQPACKET, 0, REQUESTS_FD)
        os.set_inheritable(REQUESTS_FD, False)
        self._nameplate: Nameplate | None = None

    def run(self) -> int | Launch:
        """Serve until the supervisor hangs up; ready is told first, or why it will never be."""
        signal(SIGINT, SIG_IGN)
        dump_on_signal("")
        try:
            if not self._load():
                return 1
            # Without these two a worker's first collection would copy every page it shares.
            gc.collect()
            gc.freeze()
            self._tell({"event": "ready"})
            return self._serve()
        except (ConnectionError, Stranger):
            return 0

    def _load(self) -> bool:
        me = os.getpid()
        _import_the_rest(self._launch.profile)
        try:
            with self._hazards:
                self._preload.all(self._hazards.begin)
        except BaseException as err:
            if os.getpid() != me:
                os._exit(1)
            self._tell({"event": "failed", "error": report(err)})
            complain(f"cannot preload {', '.join(self._launch.preload)}: {type(err).__name__}: {err}")
            return False
        if os.getpid() != me:
            raise Stranger
        return self._allow(self._hazards.found() or self._name())

    def _serve(self) -> int | Launch:
        while True:
            packet, ancillary, _, _ = self._socket.recvmsg(MAX_REQUEST, 256)
            if not packet:
                return 0
            descriptors = [
                int.from_bytes(data[at : at + FD_SIZE], sys.byteorder)
                for level, kind, data in ancillary
                if (level, kind) == (SOL_SOCKET, SCM_RIGHTS)
                for at in range(0, len(data) - FD_SIZE + 1, FD_SIZE)
            ]
            if not self._allow(self._hazards.threaded()):
                return 1
            request: Any = self._codec.decode(packet)
            try:
                pid = self._fork()
            except OSError as err:
                self._tell({"event": "unforked", "id": request["id"], "reason": str(err)})
            else:
                if pid == 0:
                    return self._become(request, *descriptors)
                self._tell({"event": "forked", "id": request["id"], "pid": pid})
            for descriptor in descriptors:
                os.close(descriptor)

    def _fork(self) -> int:
        """Fork a worker and return its pid, 0 in itself. Its parent ends, so that it is the supervisor's child."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        read, write = os.pipe()
        try:
            between = os.fork()
            if between == 0:
                self._fork_again(write)
                return 0
            os.close(write)
            write = -1
            answer = os.read(read, 64)
            os.waitpid(between, 0)
        finally:
            os.close(read)
            if write >= 0:
                os.close(write)
        if not answer.isdigit():
            raise OSError(answer.decode() or "the process between died")
        return int(answer)

    @staticmethod
    def _fork_again(write: int) -> None:
        """Return in the worker; the process between tells its pid, or why there is none, and ends."""
        try:
            pid = os.fork()
            if pid == 0:
                return
            os.setpgid(pid, pid)
            answer = str(pid)
        except OSError as err:
            answer = str(err)
        os.write(write, answer.encode()[:64])
        os._exit(0)

    def _become(self, request: dict[str, Any], log: int, document: int) -> int | Launch:
        """Become what a spawned worker is when it starts: its streams, its name, its document, its own dice."""
        self._socket.close()
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        signal(SIGTERM, SIG_DFL)
        pthread_sigmask(SIG_SETMASK, ())
        try:
            launch = read_launch(document)
        except (OSError, ValueError):
            return 1  # the supervisor has no use for it any more
        if self._nameplate is not None:
            self._nameplate.become(launch)
        reseed()
        return launch

    def _name(self) -> str:
        """Find where the process's names are; say why that cannot be done."""
        try:
            self._nameplate = Nameplate(self._launch)
        except OSError as err:
            return f"forked processes could not be told apart: {err}"
        return ""

    def _allow(self, hazard: str) -> bool:
        if hazard:
            self._tell({"event": "unsafe", "reason": hazard})
        return not hazard

    def _tell(self, event: dict[str, Any]) -> None:
        self._socket.sendall(self._codec.encode(event, "event"))


def _import_the_rest(profile: str) -> None:
    """Import what a worker imports when it needs it: here once is less than in each that does."""
    from fcntl import fcntl  # noqa: F401

    from . import _bounds, _interrupt, _memory, _natural, _progress  # noqa: F401

    if profile == "thread":
        from . import _loop, _threads  # noqa: F401


def reseed() -> None:
    """Give the process random numbers of its own: siblings would draw the same ones.

    The module random does it by itself when a process is forked.
    """
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        try:
            numpy.seed()
        except Exception as err:
            complain(f"cannot reseed numpy.random: {type(err).__name__}: {err}")
