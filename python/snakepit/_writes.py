"""Noticing that two slots write one thing without a common lock: the half of `check = true` that runs.

For every attribute, item and global variable that the user's code writes there is
the set of locks that were held at each of its writes. When two slots have written
it and no lock was held each time, that is told, once, whether or not the two met
this time. What a slot's helper threads write is not looked at, nor what is written by
C code or by methods such as append.

Locks are those of `threading` (Lock, RLock and what is made of them, as Condition),
and the turns of `@command(serial=True)`.
"""

from __future__ import annotations

import sys
import threading
import weakref
from _thread import RLock as Guard  # not the one of threading, which is replaced
from collections import OrderedDict

from ._threads import ThreadSlot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ._adapter import Adapter
    from ._launch import Launch

MAX_HELD = 512  # objects without weak references that are kept alive to tell them apart
MAX_FIELDS = 1024  # keys of one object
MAX_FINDINGS = 100
MAX_PENDING = 64
ANY = object()  # the key of a write that has none, as of a slice


class TrackedLock:
    """TrackedLock is a lock of which the thread that holds it knows."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._holder: list[TrackedLock] = []

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        """Acquire the lock as it is acquired without us."""
        acquired: bool = self._lock.acquire(*args, **kwargs)
        if acquired:
            self._holder = held()
            self._holder.append(self)
        return acquired

    def release(self) -> None:
        """Release the lock; another thread than its holder may."""
        holder = self._holder
        if self in holder:
            holder.remove(self)
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)

    def __repr__(self) -> str:
        return repr(self._lock)


_here = threading.local()


def held() -> list[TrackedLock]:
    """Return the locks that this thread holds; who changes the list changes that."""
    try:
        locks: list[TrackedLock] = _here.locks
    except AttributeError:
        locks = _here.locks = []
    return locks


def _pending() -> list[tuple[Any, str, str]]:
    """Return the items of this thread whose keys have not come yet."""
    try:
        pending: list[tuple[Any, str, str]] = _here.pending
    except AttributeError:
        pending = _here.pending = []
    return pending


def track_locks() -> None:
    """Have the locks that are made from now on known to whoever holds them."""
    for name in "Lock", "RLock":
        make = getattr(threading, name)
        setattr(threading, name, lambda make=make: TrackedLock(make()))


class Field:
    """Field is one attribute, item or variable: who writes it, and what they held each time."""

    __slots__ = ("locks", "places", "told")

    def __init__(self, locks: frozenset[TrackedLock]) -> None:
        self.locks = locks
        self.places: dict[str, str] = {}  # slot -> where it wrote last
        self.told = False


class Entry:
    """Entry is an object that is written: the reference that proves it the same one, and its fields."""

    __slots__ = ("fields", "owner")

    def __init__(self, owner: Any) -> None:
        try:
            self.owner: Callable[[], Any] = weakref.ref(owner)
        except TypeError:
            self.owner = lambda: owner
        self.fields: dict[Any, Field] = {}

    @property
    def holds(self) -> bool:
        """Whether the entry keeps its object alive."""
        return not isinstance(self.owner, weakref.ref)


class Watch:
    """Watch is told of every write. It tells of those that two slots make without a common lock."""

    def __init__(self) -> None:
        self._tell: Callable[[dict[str, Any]], None] = lambda finding: None
        self._slots: dict[int, str] = {}
        self._guard = Guard()  # guards what follows; a finalizer may write while it is held
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._globals: dict[tuple[str, str], Field] = {}
        self._seen: set[tuple[str, ...]] = set()

    def serve(self, adapter: Adapter, tell: Callable[[dict[str, Any]], None]) -> None:
        """Take the adapter's turns for locks, and tell findings from now on."""
        self._tell = tell
        for command in adapter.commands.values():
            if command.turn is not None:
                turn: Any = TrackedLock(command.turn)
                command.turn = turn

    def join(self) -> None:
        """Take this thread for a slot."""
        self._slots[threading.get_ident()] = threading.current_thread().name.replace("-", " ")

    def attribute(self, owner: Any, name: str, place: str) -> Any:
        """Note that an attribute is about to be written; return its owner."""
        if not isinstance(owner, threading.local) and not isinstance(getattr(type(owner), name, None), property):
            self._note(owner, name, place)
        return owner

    def container(self, owner: Any, text: str, place: str) -> Any:
        """Note that an item is about to be written, whose key comes next; return the container."""
        pending = _pending()
        if len(pending) >= MAX_PENDING:
            del pending[: MAX_PENDING // 2]  # keys that raised
        pending.append((owner, text, place))
        return owner

    def key(self, key: Any, place: str) -> Any:
        """Note the key of that item, and return it."""
        pending = _pending()
        while pending:
            owner, text, at = pending.pop()
            if at != place:
                continue  # its key raised
            try:
                hash(key)
            except TypeError:
                self.items(owner, text, place)
            else:
                self._note(owner, (key,), place, text)
            break
        return key

    def items(self, owner: Any, text: str, place: str) -> Any:
        """Note that items are about to be written, whichever; return the container."""
        self._note(owner, ANY, place, text)
        return owner

    def variable(self, module: str, name: str, place: str) -> None:
        """Note that a global variable is about to be written."""
        slot = self._slot()
        if slot:
            with self._guard:
                field = self._globals.setdefault((module, name), Field(frozenset(held())))
                if self._clashes(field, slot, place):
                    self._found(f"{module}.{name}", field, slot)

    def _slot(self) -> str:
        """Return which slot this thread is, or nothing; coroutines of all slots share one thread."""
        slot = self._slots.get(threading.get_ident(), "")
        if not slot and "asyncio" in sys.modules:
            import asyncio

            return "the event loop" if asyncio._get_running_loop() is not None else ""
        return slot

    def _note(self, owner: Any, key: Any, place: str, text: str = "") -> None:
        """Note a write to an object; text is how it is called, of an attribute the name will do."""
        slot = self._slot()
        if not slot:
            return
        with self._guard:
            entry = self._entry(owner)
            field = entry.fields.get(key)
            if field is None:
                if len(entry.fields) >= MAX_FIELDS:
                    return
                field = entry.fields[key] = Field(frozenset(held()))
            if self._clashes(field, slot, place):
                self._found(text or f"{_name(owner)}.{key}", field, slot)

    def _entry(self, owner: Any) -> Entry:
        """Return the entry of an object. Its id alone may have been another object's."""
        entries = self._entries
        entry = entries.get(id(owner))
        if entry is None or entry.owner() is not owner:
            entry = entries[id(owner)] = Entry(owner)
            self._trim()
        entries.move_to_end(id(owner))
        return entry

    def _trim(self) -> None:
        """Forget objects that are gone, and the least recent of those that are kept alive."""
        if len(self._entries) % MAX_HELD:
            return
        kept = 0
        for number, entry in reversed(list(self._entries.items())):
            kept += entry.holds
            if entry.owner() is None or (entry.holds and kept > MAX_HELD // 2):
                self._entries.pop(number, None)  # a finalizer may have been here

    @staticmethod
    def _clashes(field: Field, slot: str, place: str) -> bool:
        """Take a write up; report, the first time, that two slots write and hold no common lock."""
        field.locks &= frozenset(held())
        field.places[slot] = place
        clashes = not (field.told or field.locks) and len(field.places) > 1
        field.told = field.told or clashes
        return clashes

    def _found(self, what: str, field: Field, slot: str) -> None:
        """Tell a finding, unless one like it was told, as of another object of the same class."""
        place = field.places[slot]
        other = next(where for who, where in field.places.items() if who != slot)
        seen = (what, *sorted((place, other)))
        if seen in self._seen or len(self._seen) >= MAX_FINDINGS:
            return
        self._seen.add(seen)
        self._tell({"attribute": what, "place": place, "other": other, "slots": sorted(field.places)})


def _name(owner: Any) -> str:
    """Return how an owner of attributes is called."""
    if isinstance(owner, type):
        return f"{owner.__module__}.{owner.__qualname__}"
    if isinstance(owner, type(sys)):
        return owner.__name__
    return f"{type(owner).__module__}.{type(owner).__qualname__}"


def explain(finding: dict[str, Any]) -> str:
    """Say in one sentence what was found."""
    places = [finding["place"]] + [finding["other"]] * (finding["other"] != finding["place"])
    return (
        f"{finding['attribute']} is written by {' and '.join(finding['slots'])} without a common lock: "
        f"{' and '.join(places)}. Hold one threading.Lock around each write, or use @command(serial=True)"
    )


def begin(launch: Launch) -> None:
    """Look at the writes of the adapter of a worker or fork server, which has imported nothing of the user's yet."""
    from ._rewrite import install

    track_locks()
    CheckedSlot.watch = Watch()
    install(launch, CheckedSlot.watch)


def serve(adapter: Adapter, tell: Callable[[dict[str, Any]], None]) -> type[ThreadSlot]:
    """Return the kind of slots whose writes are looked at."""
    CheckedSlot.watch.serve(adapter, tell)
    return CheckedSlot


class CheckedSlot(ThreadSlot):
    """CheckedSlot is a slot whose writes are looked at."""

    watch: Watch

    def enter(self) -> None:
        """Join the watch before @thread_init writes anything."""
        self.watch.join()
        super().enter()
