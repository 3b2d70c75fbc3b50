"""The fork server, seen from the supervisor's side of its socket."""

from __future__ import annotations

import array
import json
import os
import select
import socket
import subprocess
import sys
import textwrap
import unittest
from typing import Any

from .harness import LIMIT, PACKAGE, Connection, WorkerCase

NAME = "pool.test/fork-server"
SHELL = 'exec 3<"$1" 4<&0 0</dev/null; shift; exec "$@"'
ADAPTER = """
    import os, random, sys
    import snakepit
    from snakepit import command

    imported = os.getpid()
    done = []

    @snakepit.preload
    def warm(): done.append("preload %d" % os.getpid())

    @snakepit.after_fork
    def renew(): done.append("after_fork %d" % os.getpid())

    @command
    def facts():
        return {"imported": imported, "done": done, "number": random.random(), "argv": sys.argv[1:],
                "frozen": __import__("gc").get_freeze_count() > 0, "path": sys.path[:2]}

    @command
    def child():
        read, write = os.pipe()
        if os.fork() == 0:
            with open("/proc/self/environ", "rb") as environ:
                os.write(write, environ.read())
            os._exit(0)
        os.wait()
        return os.read(read, 1 << 16).decode()

    @command
    def executed():
        return os.popen("echo $SNAKEPIT_WORKER").read().strip()
"""


@unittest.skipUnless(sys.platform.startswith("linux"), "fork servers need Linux")
class ForkServerCase(WorkerCase):
    def serve(self, adapter: str, **launch: Any) -> None:
        """Start a fork server for an adapter."""
        self.write(adapter)
        self.document = {
            "version": 1,
            "socket": self.supervisor.path,
            "address": NAME,
            "incarnation": "0123abcd",
            "token": "",
            "adapter": "./adapter.py",
            "code_root": str(self.dir),
            **launch,
        }
        path = self.dir / "server.json"
        path.write_text(json.dumps(self.document))
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.socket.close)
        self.socket.settimeout(LIMIT)
        with theirs, open(self.dir / "server.log", "wb") as log:
            self.server = subprocess.Popen(
                ["/bin/sh", "-c", SHELL, "sh", str(path), sys.executable, str(PACKAGE), "forkserver", NAME],
                cwd=self.dir,
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "SNAKEPIT_WORKER": f"line:{NAME}@0123abcd"},
            )
        self.addCleanup(self._end, self.server)

    def told(self) -> Any:
        """Return what the server says next."""
        return json.loads(self.socket.recv(1 << 18))

    def order(self, number: int = 0) -> int:
        """Ask for a worker; it begins when its document is written to the descriptor that is returned."""
        read, write = os.pipe()
        log = os.open(self.dir / "stderr", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [log, read]))
        self.socket.sendmsg([json.dumps({"id": number}).encode()], [rights])
        os.close(read)
        os.close(log)
        return write

    def forked(self, number: int = 0, **launch: Any) -> tuple[int, Connection]:
        """Have a worker forked and bring it to where it takes calls: its pid and its slot."""
        address = f"pool.test/{number}"
        write = self.order(number)
        event = self.told()
        self.assertEqual((event["event"], event["id"]), ("forked", number))
        document = {**self.document, "address": address, "incarnation": "7f2c", "token": "c0ffee", **launch}
        os.write(write, json.dumps(document).encode())
        os.close(write)
        control = self.supervisor.accept("control")
        control.welcome()
        ready = self.event(control)
        self.assertEqual(ready["event"], "ready", ready)
        slot = self.supervisor.accept("slot")
        slot.welcome()
        self.assertEqual(slot.hello["worker"]["pid"], event["pid"])
        return event["pid"], slot


class ForkTest(ForkServerCase):
    def test_workers_share_what_was_imported_and_nothing_else(self) -> None:
        self.serve(ADAPTER, sys_path=["/elsewhere"])
        self.assertEqual(self.told(), {"event": "ready"})
        pid, slot = self.forked(0)
        other, sibling = self.forked(1)
        slot.call("facts")
        sibling.call("facts")
        facts, others = slot.receive(), sibling.receive()
        first, second = (json.loads(f[3][f[3].index(b"{") :]) for f in (facts, others))
        for got, who, place in ((first, pid, 0), (second, other, 1)):
            self.assertEqual(got["imported"], self.server.pid)
            self.assertEqual(got["done"], [f"preload {self.server.pid}", f"after_fork {who}"])
            self.assertEqual(got["argv"], ["worker", f"pool.test/{place}"])
            self.assertTrue(got["frozen"])
            self.assertEqual(got["path"].count("/elsewhere"), 1)
        self.assertNotEqual(first["number"], second["number"])
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        self.assertNotEqual(int(fields[1]), self.server.pid, "the worker is the server's child")
        self.assertEqual(int(fields[2]), pid, "the worker does not lead its group")

    def test_the_kernel_tells_the_workers_name(self) -> None:
        self.serve(ADAPTER)
        self.assertEqual(self.told(), {"event": "ready"})
        pid, slot = self.forked(3)
        with open(f"/proc/{pid}/environ") as environ, open(f"/proc/{pid}/cmdline") as cmdline:
            self.assertIn("SNAKEPIT_WORKER=line:pool.test/3@7f2c", environ.read().split("\0"))
            self.assertEqual(cmdline.read().rstrip("\0").split("\0")[-2:], ["worker", "pool.test/3"])
        slot.call("child")
        self.assertIn(rb"SNAKEPIT_WORKER=line:pool.test/3@7f2c\u0000", slot.receive()[3])
        slot.call("executed")
        self.assertIn(b'"line:pool.test/3@7f2c"', slot.receive()[3])
        with open(f"/proc/{self.server.pid}/environ") as environ:
            self.assertIn(f"SNAKEPIT_WORKER=line:{NAME}@0123abcd", environ.read().split("\0"))

    def test_numpy_draws_other_numbers(self) -> None:
        package = self.dir / "numpy"
        package.mkdir()
        (package / "__init__.py").write_text("from . import random")
        (package / "random.py").write_text("import os\nseeded = []\ndef seed(): seeded.append(os.getpid())\n")
        self.serve(
            """
            import numpy
            from snakepit import command
            @command
            def seeded(): return numpy.random.seeded
            """,
            sys_path=[str(self.dir)],
        )
        self.assertEqual(self.told(), {"event": "ready"})
        pid, slot = self.forked()
        slot.call("seeded")
        self.assertIn(f"[{pid}]".encode(), slot.receive()[3])

    def test_a_document_that_is_not_written_ends_the_worker(self) -> None:
        self.serve(ADAPTER)
        self.assertEqual(self.told(), {"event": "ready"})
        write = self.order()
        event = self.told()
        watch = os.pidfd_open(event["pid"]) if hasattr(os, "pidfd_open") else -1
        os.close(write)
        if watch >= 0:
            self.assertTrue(select.select([watch], [], [], LIMIT)[0], "it waits for ever")
            os.close(watch)

    def test_the_end_of_the_socket_ends_the_server_and_no_worker(self) -> None:
        self.serve(ADAPTER)
        self.assertEqual(self.told(), {"event": "ready"})
        _, slot = self.forked()
        self.socket.close()
        self.assertEqual(self.server.wait(LIMIT), 0)
        slot.call("executed")
        self.assertIn(b"pool.test/0", slot.receive()[3])

    def test_after_fork_that_raises_fails_the_worker(self) -> None:
        self.serve(
            """
            import snakepit
            @snakepit.after_fork
            def renew(): 1 / 0
            @snakepit.command
            def ok(): pass
            """
        )
        self.assertEqual(self.told(), {"event": "ready"})
        write = self.order()
        self.told()
        document = {**self.document, "address": "pool.test/0", "incarnation": "7f2c", "token": "c0ffee"}
        os.write(write, json.dumps(document).encode())
        os.close(write)
        control = self.supervisor.accept("control")
        control.welcome()
        event = self.event(control)
        self.assertEqual((event["event"], event["error"]["type"]), ("failed", "ZeroDivisionError"))


class RefusalTest(ForkServerCase):
    def refusal(self, adapter: str, **launch: Any) -> str:
        self.serve(adapter, **launch)
        event = self.told()
        self.assertEqual(event["event"], "unsafe", event)
        self.assertEqual(self.server.wait(LIMIT), 1)
        return str(event["reason"])

    def test_threads_are_held_against_the_module_that_started_them(self) -> None:
        (self.dir / "outer.py").write_text("import json\nimport inner\nimport wave\n")
        (self.dir / "inner.py").write_text(
            "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        )
        reason = self.refusal("import outer", sys_path=[str(self.dir)])
        self.assertEqual(reason, "importing inner started 1 thread")

    def test_threads_of_the_adapter_itself(self) -> None:
        reason = self.refusal(
            """
            import threading, time
            import snakepit
            @snakepit.preload
            def warm():
                for _ in range(2):
                    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
            """
        )
        self.assertEqual(reason, "importing ./adapter.py started 2 threads")

    def test_threads_that_ended_are_no_hazard(self) -> None:
        self.serve("import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()")
        self.assertEqual(self.told(), {"event": "ready"})

    def test_a_thread_that_comes_later(self) -> None:
        """The number of threads is looked at again before each fork."""
        self.serve(
            """
            import gc, threading, time
            gc.disable()
            class Late:
                def __del__(self): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
            late = Late()
            late.itself = late
            del late
            """
        )
        self.assertEqual(self.told()["event"], "ready")
        os.close(self.order())
        self.assertEqual(self.told(), {"event": "unsafe", "reason": "preloading started 1 thread"})

    def test_open_connections(self) -> None:
        adapter = "import socket\npair = socket.socketpair()"
        reason = self.refusal(adapter)
        self.assertRegex(reason, r"^preloading left socket:\[\d+\] open, which all workers would share$")

    def test_open_connections_where_forking_is_asked_for(self) -> None:
        self.serve("import socket\npair = socket.socketpair()", share_descriptors=True)
        self.assertEqual(self.told(), {"event": "ready"})

    def test_open_files_are_no_hazard(self) -> None:
        self.serve("file = open(__file__)")
        self.assertEqual(self.told(), {"event": "ready"})


class FailureTest(ForkServerCase):
    def failure(self, adapter: str, **launch: Any) -> Any:
        self.serve(textwrap.dedent(adapter), **launch)
        event = self.told()
        self.assertEqual(event["event"], "failed", event)
        self.assertEqual(self.server.wait(LIMIT), 1)
        return event["error"]

    def test_an_import_that_raises(self) -> None:
        error = self.failure("one = 1\none / 0")
        self.assertEqual((error["type"], error["message"]), ("ZeroDivisionError", "division by zero"))
        self.assertIn('adapter.py", line 2, in <module>', error["traceback"])
        self.assertNotIn("_preload.py", error["traceback"])

    def test_an_import_that_exits(self) -> None:
        self.assertEqual(self.failure("import sys\nsys.exit(3)")["message"], "the adapter called sys.exit(3)")

    def test_a_preload_that_cannot_run(self) -> None:
        error = self.failure("import snakepit\n@snakepit.preload\nasync def warm(): pass")
        self.assertEqual(error["message"], "@preload warm: it must be a plain function")

    def test_a_module_that_is_not_there(self) -> None:
        error = self.failure("", preload=["nowhere.at_all"])
        self.assertEqual(error["type"], "ModuleNotFoundError")

    def test_a_process_that_comes_back_twice(self) -> None:
        self.serve(ADAPTER + "\n    os.fork()")
        self.assertEqual(self.told(), {"event": "ready"})
        self.forked()
        self.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.told()
