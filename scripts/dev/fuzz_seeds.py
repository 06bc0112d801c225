"""What the quick fuzzer changes: the suite's own data and, where it is there, recorded answers."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple
from zlib import crc32

from frames import CLIENTS, framed
from mutate import Seed, scan
from shapes import COMMON, COUNTS, OPENAI_ROWS, SCORES, STREAMS, VECTORS, WHOLE
from support import CLIENTS as RECORDED
from support import ROOT, SHARED, body_of, target

from loki.providers import wire_name
from loki.wire import EMBED, RERANK

LONGEST = 2500  # bytes of an answer: longer ones are slow, and have nothing that these lack
MOST_FRAMES = 8  # of a stream: those at its beginning and at its end


class Frame(NamedTuple):
    """A frame of a stream; of Amazon's, ``seed`` is its payload, and ``headers`` come before it."""

    seed: Seed
    headers: bytes | None = None


class Chats(NamedTuple):
    """Answers of a wire."""

    whole: list[Seed]
    streams: list[tuple[Frame, ...]]


def read_json_files(pattern: str) -> Iterator[Any]:
    """Yield the values of some recorded files, none where they are not there."""
    for path in sorted(SHARED.glob(pattern)):
        value = json.loads(path.read_text())
        if isinstance(value, dict) and "response" in value:
            yield value


def recorded() -> Iterator[tuple[str, bool, int, bytes]]:
    """Yield wire, whether it streams, status and body of recorded chats."""
    for each in read_json_files("recordings*/*-*.json"):
        client = RECORDED.get((each["provider"], each["kind"]))
        if client is None and each["kind"] in ("chat", "responses"):
            client = CLIENTS["openai" if each["kind"] == "chat" else "responses"]
        if client is not None:
            status = each["response"]["status"]
            yield wire_name(target(client)), each["stream"], status, body_of(each)


def fixtures() -> Iterator[tuple[str, bool, int, bytes]]:
    """Yield the same of the exchanges that the wires are tested with."""
    for path in sorted((ROOT / "tests" / "wire" / "fixtures").glob("*/*.json")):
        fixture = json.loads(path.read_text())
        answer = fixture.get("answer")
        if answer and path.parent.name in CLIENTS:
            streams = bool(fixture["ask"].get("stream"))
            yield path.parent.name, streams, answer.get("status", 200), answer_bytes(answer)


def answer_bytes(answer: Any) -> bytes:
    """Return the bytes of a fixture's answer."""
    if "base64" in answer:
        return base64.b64decode(answer["base64"])
    return str(answer["text"]).encode() if "text" in answer else json.dumps(answer["json"]).encode()


def shapes() -> Iterator[tuple[str, bool, int, bytes]]:
    """Yield the same of answers that have nearly everything."""
    for wire, answer in WHOLE.items():
        yield wire, False, 200, json.dumps(answer).encode()
        yield wire, True, 200, b"".join(framed(wire, event) for event in STREAMS[wire])


def gather_chats() -> tuple[dict[str, Chats], list[Seed]]:
    """Return the answers of each wire, and what servers said instead of one."""
    chats = {wire: Chats([], []) for wire in CLIENTS}
    errors: list[Seed] = []
    for wire, streams, status, body in (*shapes(), *fixtures(), *recorded()):
        if status >= 400:
            errors.append(scan(body[:LONGEST]))
        elif wire not in chats:
            continue
        elif streams and (frames := frames_of(wire, body)):
            chats[wire].streams.append(frames)
        elif len(body) <= LONGEST:
            chats[wire].whole.append(scan(body))
    return chats, errors


def frames_of(wire: str, body: bytes) -> tuple[Frame, ...]:
    """Return the frames of a stream, those at its beginning and its end where there are many."""
    parts = [*amazon_frames(body)] if wire == "converse" else text_frames(body)
    parts = [part for part in parts if len(part.seed.data) <= LONGEST]
    if len(parts) > MOST_FRAMES:
        parts = parts[: MOST_FRAMES // 2] + parts[-MOST_FRAMES // 2 :]
    return tuple(parts)


def text_frames(body: bytes) -> list[Frame]:
    """Return server-sent events, each with the empty line after it."""
    return [
        Frame(scan(part + b"\n\n")) for part in body.replace(b"\r\n", b"\n").split(b"\n\n") if part
    ]


def amazon_frames(body: bytes) -> Iterator[Frame]:
    """Yield the frames of a stream of Amazon's, as far as it is one."""
    while len(body) >= 16:
        total, headers = struct.unpack("!II", body[:8])
        if not 16 + headers <= total <= len(body):
            return
        yield Frame(scan(body[12 + headers : total - 4]), body[12 : 12 + headers])
        body = body[total:]


def amazon_frame(headers: bytes, payload: bytes) -> bytes:
    """Return a frame with good checksums."""
    start = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    start += struct.pack("!I", crc32(start)) + headers + payload
    return start + struct.pack("!I", crc32(start))


def gather_measures() -> tuple[dict[str, list[Seed]], dict[str, list[Seed]]]:
    """Return answers with vectors and with scores, by wire."""
    usual = {**OPENAI_ROWS, "usage": COUNTS}
    vectors = {wire: [seed_of(VECTORS.get(wire, usual))] for wire in EMBED}
    scores = {wire: [seed_of(SCORES.get(wire, COMMON))] for wire in RERANK}
    return vectors, scores


def seed_of(value: Any) -> Seed:
    """Return a JSON value as a seed."""
    return scan(json.dumps(value).encode())


def gather_jobs() -> list[Seed]:
    """Return what batch APIs say of jobs and rows: recorded, and at least one of our own making."""
    body = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    own = [
        {"id": "b", "status": "completed", "request_counts": {"total": 2, "completed": 1}},
        {"custom_id": "a", "response": {"status_code": 200, "request_id": "r", "body": body}},
        {"custom_id": "a", "result": {"type": "succeeded", "message": WHOLE["claude"]}},
        {"key": "a", "response": WHOLE["gemini"]},
        {"batch_request_id": "a", "batch_result": {"response": {"chat_get_completion": body}}},
        {"batch_id": "b", "state": {"num_requests": 2, "num_pending": 0, "num_error": 1}},
        {"name": "batches/b", "metadata": {"state": "BATCH_STATE_SUCCEEDED", "batchStats": {}}},
    ]
    seeds = [*map(seed_of, own)]
    for each in read_json_files("batch-recordings/*-*.json"):
        data = body_of(each)
        seeds += [scan(line) for line in data.splitlines()[:3] if 2 < len(line) <= LONGEST]
        seeds += [scan(data)] if len(data) <= LONGEST else []
    return seeds
