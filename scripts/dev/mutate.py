"""Bytes -> the same with something odd in them: at the places of their JSON values, or anywhere.

Works on bytes, not on parsed values: that is quick, and makes what no writer of JSON would write:
keys twice, numbers of 400 digits, halves of surrogate pairs, deep nesting, texts that break off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import NamedTuple, TypeVar

A = TypeVar("A")

#: What is put in the place of a JSON value.
ODD: tuple[bytes, ...] = (
    *(b"null", b"true", b"false", b"0", b"1", b"-1", b"5", b"0.5", b"-0.0", b"1e300", b"1e999"),
    *(b"NaN", b"Infinity", b"1" + b"0" * 20, b"9" * 400, b"9" * 4400, b"-9" * 30, b"01", b"1e-400"),
    *(b'""', b'"x"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\x00"', b'"\xff"', b'" "'),
    *(b'"{}"', b'"["', b'"9"', b'"stop"', b'"text"', b'"error"', b'"\xe2\x80\xa6"', b'"\\n\\r"'),
    *(b"[]", b"[null]", b"[5]", b'["x"]', b"{}", b'{"a":1}', b"[[]]", b"[{}]", b'{"text":5}'),
    *(b'{"type":"text"}', b'{"type":"error","error":{"message":"m"}}', b'{"index":-1}', b"x", b""),
    *(b"[" * 190 + b"]" * 190, b"[" * 400 + b"]" * 400, b"[" * 3000, b'{"a":' * 1200, b'"data:,"'),
    *(b'"aGk="', b'"aG"', b'"data:image/png;base64,a"', b'"<think>"', b'"</think>"'),
    b'"' + b"y" * 300,
)

#: What is put anywhere.
NOISE: tuple[bytes, ...] = (
    *(b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\n", b"\r", b"\r\n", b"\n\n"),
    *(b" ", b"\t", b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"#", b"%", b"@", b"..."),
    *(b"\ndata: ", b"data:", b"data: [DONE]\n\n", b": c\n\n", b"event: error\n", b"id: 1\n"),
    *(b"\xe2\x80\xa6", b"\xf0\x9f\x98\x80", b"\x1b[31m", b"&amp;", b"\\u00", b"%41", b"null"),
    *(b"- ", b"---\n"),
)

TOKEN = re.compile(rb'("(?:[^"\\\n]|\\.)*")(\s*:)?|[-+.\w]+|[\[\]{}]')
COMMA = re.compile(rb"\s*,")


class Seed(NamedTuple):
    """Bytes, and where in them JSON values and members (key and value) begin and end."""

    data: bytes
    values: tuple[tuple[int, int], ...] = ()
    members: tuple[tuple[int, int], ...] = ()


def scan(data: bytes) -> Seed:
    """Return bytes with the places of their JSON values, be they JSON as a whole or in part.

    >>> scan(b'{"a": [1]}')
    Seed(data=b'{"a": [1]}', values=((7, 8), (6, 9), (0, 10)), members=((1, 9),))
    """
    values, members, open_at = [], [], []
    key: int | None = None
    for token in TOKEN.finditer(data):
        start, end, first = token.start(), token.end(), token[0][:1]
        if token[2]:
            key = start
            continue
        if first in b"[{":
            open_at.append((start, key))
            key = None
            continue
        if first in b"]}":
            start, key = open_at.pop() if open_at else (start, None)
        values.append((start, end))
        if key is not None:
            members.append((key, end))
        key = None
    return Seed(data, tuple(values), tuple(members))


def pick(rng: Random, items: Sequence[A]) -> A:
    """Return one of several items; quicker than ``Random.choice``."""
    return items[int(rng.random() * len(items))]


def mutate(rng: Random, seed: Seed, words: Sequence[bytes] = NOISE) -> bytes:
    """Return the bytes of a seed with one to three changes; ``words`` may stand anywhere."""
    data = change_values(rng, seed) if seed.values and rng.random() < 0.8 else seed.data
    if data is seed.data or rng.random() < 0.1:
        data = damage(rng, data, words)
    return data


def change_values(rng: Random, seed: Seed) -> bytes:
    """Return the bytes with other values or members at one to three places."""
    edits = sorted((edit(rng, seed) for _ in range(1 + int(rng.random() ** 2 * 3))), reverse=True)
    data, before = seed.data, len(seed.data)
    for start, end, new in edits:
        if end <= before:
            data, before = data[:start] + new + data[end:], start
    return data


def edit(rng: Random, seed: Seed) -> tuple[int, int, bytes]:
    """Return a change: where it begins and ends, and what is to stand there."""
    data, chance = seed.data, rng.random()
    if chance < 0.55 or not seed.members:
        return *pick(rng, seed.values), pick(rng, ODD)
    if chance < 0.7:
        start, end = pick(rng, seed.values)
        return *pick(rng, seed.values), data[start:end]
    start, end = pick(rng, seed.members)
    if chance < 0.85:
        comma = COMMA.match(data, end)
        return start, comma.end() if comma else end, b""
    other_start, other_end = pick(rng, seed.members)
    other = data[other_start:other_end] if chance < 0.93 else doubled(rng, data[start:end])
    return end, end, b"," + other


def doubled(rng: Random, member: bytes) -> bytes:
    """Return a member once more, with another value."""
    return member.partition(b":")[0] + b":" + pick(rng, ODD)


def damage(rng: Random, data: bytes, words: Sequence[bytes] = NOISE) -> bytes:
    """Return bytes with one to three changes anywhere: a bit, a piece gone or twice, a word."""
    for _ in range(1 + int(rng.random() * 3)):
        at, chance = int(rng.random() * (len(data) + 1)), rng.random()
        size = 1 + int(rng.random() ** 3 * 40)
        if chance < 0.35:
            data = data[:at] + pick(rng, words) + data[at:]
        elif chance < 0.55:
            data = data[:at] + data[at + size :]
        elif chance < 0.7:
            data = data[:at] + data[at : at + size] + data[at:]
        elif chance < 0.9 and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << int(rng.random() * 8))]) + data[at + 1 :]
        else:
            data = data[:at]
    return data


def shuffle_frames(rng: Random, frames: list[bytes]) -> list[bytes]:
    """Return the frames of a stream: some gone, twice, in another order, or cut off."""
    chance = rng.random()
    if not frames or chance < 0.4:
        return frames
    at, other = (int(rng.random() * len(frames)) for _ in range(2))
    if chance < 0.55:
        return frames[:at] + frames[at + 1 :]
    if chance < 0.7:
        return [*frames[:at], frames[other], *frames[at:]]
    if chance < 0.85:
        frames[at], frames[other] = frames[other], frames[at]
        return frames
    return frames[:at] if chance < 0.95 else [*frames[:at], frames[at][: int(rng.random() * 99)]]


def cut(rng: Random, data: bytes) -> list[bytes]:
    """Return bytes in one to nine pieces."""
    places = sorted(int(rng.random() * (len(data) + 1)) for _ in range(int(rng.random() * 9)))
    return [
        data[start:end]
        for start, end in zip([0, *places], [*places, len(data)], strict=True)
        if start < end
    ]
