"""Frames and envelopes against the vectors that Go and Python share, and against noise."""

from __future__ import annotations

import json
import os
import random
import unittest
from pathlib import Path
from typing import Any

from snakepit import WireError, _wire

TESTDATA = Path(__file__).parents[2] / "internal" / "wire" / "testdata"
ID = bytes(range(15)) + b"\xff"


def vector(name: str, type: int, flags: int, stream: int, payload: bytes) -> dict[str, Any]:
    """Return one frame as bytes and as what they mean."""
    data = _wire.frame(type, stream, payload, flags=flags)
    out = {"name": name, "hex": data.hex(), "type": type, "flags": flags, "stream": stream, "attachments": 0}
    return {**out, **meaning(type, payload)}


def meaning(type: int, payload: _wire.Buffer) -> dict[str, Any]:
    """Return the decoded envelope of a CALL or a RESULT the way a vector states it."""
    if type == _wire.CALL:
        call = _wire.parse_call(payload)
        fields = (
            "deadline",
            "codec",
            "priority",
            "bits",
            "pool",
            "command",
            "session",
            "idempotency_key",
            "traceparent",
        )
        out = {name: getattr(call, name) for name in fields}
        return {"call": {**out, "call_id": call.call_id.hex(), "body_hex": bytes(call.body).hex()}}
    if type == _wire.RESULT:
        queue_ns, exec_ns, codec, worker, body = _wire.parse_result(payload)
        return {
            "result": {
                "queue_ns": queue_ns,
                "exec_ns": exec_ns,
                "codec": codec,
                "worker": worker,
                "body_hex": bytes(body).hex(),
            }
        }
    return {}


def python_vectors() -> list[dict[str, Any]]:
    """Return the vectors that Python writes."""
    hello = {
        "version": 1,
        "min_version": 1,
        "role": "slot",
        "codecs": ["json"],
        "capabilities": [],
        "agent": "snakepit",
    }
    error = {
        "code": 3,
        "category": "invalid_argument",
        "origin": "worker",
        "message": "box.w: want integer, got string",
    }
    attach = {
        "calls": [
            {"stream": 7, "id": ID.hex(), "age_ns": 1, "pool": "größe", "idempotent": False, "deadline_ns": 0},
        ]
    }
    full = _wire.Call(
        deadline=1 << 62,
        call_id=ID,
        priority=255,
        bits=7,
        pool='pool.etl["eu"]',
        command="größe",
        session="会话",
        idempotency_key="k",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    plain = _wire.Call(call_id=ID, command="echo")
    longest = _wire.Call(call_id=ID, command="c", session="s" * (_wire.MAX_STRINGS - 1))
    return [
        vector("hello", _wire.HELLO, 0, 0, json.dumps(hello).encode()),
        vector("call with every field", _wire.CALL, 1, 1, _wire.pack_call(full) + b'{"w":1.5}'),
        vector("call without arguments", _wire.CALL, 1, (1 << 64) - 1, _wire.pack_call(plain)),
        vector("call with the longest strings", _wire.CALL, 1, 2, _wire.pack_call(longest) + b"[]"),
        vector("call that goes on", _wire.CALL, 0, 3, _wire.pack_call(plain) + b'["a'),
        vector("chunk", _wire.CHUNK, 0, 3, "é\n".encode()),
        vector("last chunk", _wire.CHUNK, 1, 3, b'"]'),
        vector("result", _wire.RESULT, 1, 1, _wire.pack_result(12_345, b"pool.api/0@7f2c") + b"null"),
        vector("result after a wait", _wire.RESULT, 1, 1, _wire.pack_result(1, b"w", queue_ns=1 << 40) + b"[1,2]"),
        vector("result that goes on", _wire.RESULT, 0, 5, _wire.pack_result(0, b"") + b'"'),
        vector("error", _wire.ERROR, 1, 6, json.dumps(error).encode()),
        vector("event", _wire.EVENT, 0, 0, b'{"event":"ready","python":"3.9.18","commands":[]}'),
        vector("cancel", _wire.CANCEL, 0, 0, ID),
        vector("ping", _wire.PING, 0, 0, b"\x00\x01\xfe\xff"),
        vector("pong", _wire.PONG, 0, 0, b"\x00\x01\xfe\xff"),
        vector("drain", _wire.DRAIN, 0, 0, b""),
        vector("attach", _wire.ATTACH, 0, 0, json.dumps(attach).encode()),
        vector("unknown but ignorable", 99, _wire.FLAG_IGNORABLE, 0, b"later"),
    ]


def decode(parts: list[bytes]) -> list[tuple[int, int, int, bytes]]:
    """Return the frames that arrive in these parts."""
    decoder = _wire.Decoder(_wire.MAX_FRAME)
    frames = []
    for part in parts:
        while part:
            room = decoder.space()
            count = min(len(room), len(part))
            room[:count] = part[:count]
            decoder.grew(count)
            part = part[count:]
            frame = decoder.next()
            while frame is not None:
                frames.append((*frame[:3], bytes(frame[3])))
                frame = decoder.next()
    return frames


class VectorTest(unittest.TestCase):
    def test_python_vectors_are_unchanged(self) -> None:
        path = TESTDATA / "python.json"
        written = json.dumps(python_vectors(), indent=1, ensure_ascii=False) + "\n"
        if os.environ.get("UPDATE"):
            path.write_text(written, encoding="utf-8")
        self.assertEqual(path.read_text(encoding="utf-8"), written, "UPDATE=1 writes the file anew")

    def test_vectors_decode_split_at_every_byte(self) -> None:
        for file in ("go.json", "python.json"):
            vectors = json.loads((TESTDATA / file).read_text(encoding="utf-8"))
            self.assertGreater(len(vectors), 10)
            for want in vectors:
                data = bytes.fromhex(want["hex"])
                self.assertEqual(_wire.HEADER.unpack_from(data)[3], want["attachments"])
                for cut in range(len(data) + 1) if len(data) < 1000 else range(0, len(data), 97):
                    with self.subTest(file=file, name=want["name"], cut=cut):
                        self.check(want, [data[:cut], data[cut:]])
                self.check(want, [data[i : i + 1] for i in range(len(data))])

    def check(self, want: dict[str, Any], parts: list[bytes]) -> None:
        ((type, flags, stream, payload),) = decode(parts)
        self.assertEqual((type, flags, stream), (want["type"], want["flags"], want["stream"]))
        for key, value in meaning(type, payload).items():
            self.assertEqual(value, want[key])

    def test_a_stream_of_all_vectors(self) -> None:
        data = b"".join(bytes.fromhex(v["hex"]) for v in python_vectors())
        whole = decode([data])
        self.assertEqual(len(whole), len(python_vectors()))
        for size in (1, 7, 16, 17, 1000):
            self.assertEqual(decode([data[i : i + size] for i in range(0, len(data), size)]), whole)


class LimitTest(unittest.TestCase):
    def test_no_length_is_trusted(self) -> None:
        decoder = _wire.Decoder()
        room = decoder.space()
        room[:16] = _wire.HEADER.pack(_wire.MAX_FRAME_BEFORE_HELLO + 1, _wire.CALL, 0, 0, 1)
        decoder.grew(16)
        with self.assertRaisesRegex(WireError, "65537 bytes exceeds the limit of 65536"):
            decoder.next()

    def test_the_longest_frame_passes(self) -> None:
        payload = os.urandom(_wire.MAX_FRAME)
        frames = decode([_wire.frame(_wire.CHUNK, 9, payload) * 2])
        self.assertEqual(frames, [(_wire.CHUNK, 0, 9, payload)] * 2)

    def test_bodies_split_where_the_limit_says(self) -> None:
        head = b"head"
        for size, count in ((0, 1), (6, 1), (7, 2), (16, 2), (17, 3), (26, 3)):
            body = bytes(range(size))
            frames = decode(list(_wire.body_frames(_wire.RESULT, 4, head, body, 10)))
            with self.subTest(size=size):
                self.assertEqual(len(frames), count)
                self.assertEqual(b"".join(f[3] for f in frames), head + body)
                self.assertEqual([f[0] for f in frames], [_wire.RESULT] + [_wire.CHUNK] * (count - 1))
                self.assertEqual([f[1] for f in frames], [0] * (count - 1) + [_wire.FLAG_END])

    def test_envelopes_that_are_cut_off(self) -> None:
        call = _wire.pack_call(_wire.Call(call_id=ID, pool="p", command="command", session="s"))
        for size in range(len(call)):
            with self.subTest(size=size), self.assertRaises(WireError):
                _wire.parse_call(call[:size])
        result = _wire.pack_result(1, b"pool.api/0@7f2c")
        for size in range(len(result)):
            with self.subTest(size=size), self.assertRaises(WireError):
                _wire.parse_result(result[:size])

    def test_strings_that_are_too_long_or_not_text(self) -> None:
        with self.assertRaises(ValueError):
            _wire.pack_call(_wire.Call(call_id=ID, command="x" * (_wire.MAX_STRINGS + 1)))
        head = _wire.pack_call(_wire.Call(call_id=ID))[:28]
        long = head + b"\xff\xff" + b"x" * 0xFFFF + bytes(8)
        with self.assertRaisesRegex(WireError, "the limit is 4096"):
            _wire.parse_call(long)
        with self.assertRaisesRegex(WireError, "the deadline of a call is"):
            _wire.parse_call((_wire.MAX_DEADLINE + 1).to_bytes(8, "little") + head[8:] + bytes(10))
        with self.assertRaisesRegex(WireError, "not UTF-8"):
            _wire.parse_call(head + b"\x01\x00\xff" + bytes(8))

    def test_reader_forgets_strings_that_changed(self) -> None:
        reader = _wire.CallReader()
        for command, session in (("a", ""), ("a", ""), ("ab", ""), ("a", "b"), ("b", ""), ("a", "")):
            payload = _wire.pack_call(_wire.Call(call_id=ID, command=command, session=session)) + b"[1]"
            *_, texts, body = reader.read(memoryview(payload))
            self.assertEqual((texts[1], texts[2], bytes(body)), (command, session, b"[1]"))


class NoiseTest(unittest.TestCase):
    """Changed bytes give frames or WireError, never another error and never a hang."""

    def test_mutated_streams(self) -> None:
        rng = random.Random(7)
        frames = [bytes.fromhex(v["hex"]) for v in python_vectors()]
        refused = 0
        for _ in range(3000):
            data = bytearray(b"".join(rng.sample(frames, 3)))
            for _ in range(rng.randint(1, 6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                for type, _, _, payload in decode([bytes(data[: rng.randrange(len(data) + 1)]), bytes(data)]):
                    meaning(type, payload)
            except WireError:
                refused += 1
        self.assertGreater(refused, 100)

    def test_random_payloads(self) -> None:
        rng = random.Random(11)
        for _ in range(3000):
            payload = bytes(rng.choices((0, 1, 2, 65, 200, 255), k=rng.randint(0, 80)))
            for type in (_wire.CALL, _wire.RESULT):
                try:
                    meaning(type, payload)
                except WireError:
                    pass


if __name__ == "__main__":
    unittest.main()
