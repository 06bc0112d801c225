"""7a. Opened -> the same once it has begun to answer, or the Problem that it begins with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from returns.result import Failure, Result, Success

from loki.problems import Problem, fail, glimpse
from loki.records import Opened
from loki.replies import Carry, WireEvent
from loki.stages.parse import decoder
from loki.usage import Usage
from loki.wire.sse import LARGEST

Chunks = list[Result[bytes, Problem]]


def begin(opened: Opened) -> Result[Opened, Problem]:
    """Hear a stream until it says something, an answer in one piece to its end, and put it back.

    A stream that breaks off before that, or begins with an error that may pass, may be asked for
    again: nobody has seen any of it.
    """
    if not opened.request.draft.target.ask.stream:
        return complete(opened)
    heard: Chunks = []
    found = first(decoder(opened)(listening(opened.chunks, heard)))
    if found is None or isinstance(found, Problem):
        opened.close()
        return Failure(passing(found) if found else silent(opened, heard))
    return Success(replace(opened, chunks=chain(heard, opened.chunks)))


def complete(opened: Opened) -> Result[Opened, Problem]:
    """An answer that has come to its end, or why it has not; it does not fill the memory."""
    heard: Chunks = []
    size = 0
    for chunk in opened.chunks:
        heard.append(chunk)
        size += len(chunk.value_or(b""))
        if size > LARGEST:
            heard.append(fail("garbled", f"the answer is over {LARGEST >> 20} MiB", sent=True))
            break
    if heard and not isinstance(heard[-1], Success):
        opened.close()
        problem = heard[-1].failure()  # broken off, it has been billed: again only if that is meant
        return Failure(replace(problem, again=problem.again and problem.kind != "garbled"))
    return Success(replace(opened, chunks=iter(heard)))


def listening(chunks: Iterator[Result[bytes, Problem]], heard: Chunks) -> Iterator[bytes]:
    """The good pieces of an answer; all of them are put down in ``heard``, up to a limit."""
    size = 0
    for result in chunks:
        heard.append(result)
        if not isinstance(result, Success):
            return
        yield result.unwrap()
        size += len(result.unwrap())
        if size > LARGEST:
            heard.append(fail("garbled", NOTHING, sent=True))
            return


def passing(problem: Problem) -> Problem:
    """An error that a stream begins with; what is busy or down may be asked again."""
    return replace(problem, again=problem.again or problem.kind in ("busy", "offline"))


def first(batches: Iterable[list[WireEvent]]) -> WireEvent | None:
    """The first event that is a part of the answer, or a Problem."""
    events = (event for batch in batches for event in batch)
    return next((event for event in events if not isinstance(event, (Usage, Carry))), None)


def silent(opened: Opened, heard: Chunks) -> Problem:
    """Why a stream ended that had said nothing."""
    if heard and not isinstance(heard[-1], Success):
        return heard[-1].failure()
    if STREAMS.search(opened.headers.get("content-type", "")):
        message = "the stream ended before the answer did"
        return Problem("garbled", message, sent=True, again=True)
    shown = glimpse(b"".join(map(bytes_of, heard)), 120)
    told = f"not a stream of events: {shown}" if shown else "the answer is empty"
    return Problem("garbled", told, sent=True)


def bytes_of(chunk: Result[bytes, Problem]) -> bytes:
    """What a piece of an answer says."""
    return chunk.value_or(b"")


NOTHING = f"the answer says nothing in {LARGEST >> 20} MiB"
#: The media types of streams: text/event-stream, and Amazon's.
STREAMS = re.compile(r"(?i)event-?stream")
