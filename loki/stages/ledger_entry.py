"""8b. A call -> the same call, with its line in the ledger, whatever comes of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from returns.result import Result, Success

from loki.problems import Problem
from loki.records import Request
from loki.replies import Done, Reply, Stream
from loki.stages.account import Entry, build_entry
from loki.usage import Usage

if TYPE_CHECKING:
    from loki.replies import Embeddings, Ranking

A = TypeVar("A", Reply, "Embeddings", "Ranking")
NOTHING = Usage()


class WriteEntry(Protocol):
    """Writes a call's line."""

    def __call__(self, outcome: Result[Any, Problem] | None, usage: Usage = NOTHING) -> None:
        """Write the entry; ``outcome`` None is interrupted, ``usage`` what was reported before."""


#: Called when a call begins.
BeginEntry: TypeAlias = Callable[[Request], WriteEntry]


def entry_writer(
    record: Callable[[Entry], None], now: Callable[[], float], clock: Callable[[], float]
) -> BeginEntry:
    """Write with ``record``; ``now`` in seconds since the epoch, ``clock`` for durations."""

    def begin(request: Request) -> WriteEntry:
        began, started = now(), clock()

        def note(outcome: Result[Any, Problem] | None, usage: Usage = NOTHING) -> None:
            record(build_entry(request, outcome, usage, began, clock() - started))

        return note

    return begin


def with_entry(
    begin: BeginEntry, call: Callable[[Request], Result[A, Problem]]
) -> Callable[[Request], Result[A, Problem]]:
    """Return the call with an entry in the ledger when it ends, however it ends."""

    def stage(request: Request) -> Result[A, Problem]:
        note = begin(request)
        result: Result[A, Problem] | None = None
        try:
            result = call(request)
        finally:
            note(result)
        return result

    return stage


def with_stream_entry(
    begin: BeginEntry, call: Callable[[Request], Result[Stream, Problem]]
) -> Callable[[Request], Result[Stream, Problem]]:
    """Return the call with an entry in the ledger when its stream ends, however it ends."""

    def stage(request: Request) -> Result[Stream, Problem]:
        note = begin(request)
        result: Result[Stream, Problem] | None = None
        try:
            result = call(request)
        finally:
            if not isinstance(result, Success):
                note(result)
        return result.map(lambda events: record_events(events, note))

    return stage


def record_events(events: Stream, note: WriteEntry) -> Stream:
    """Yield the same events; the entry is written before the last one, or when they are left."""
    usage, noted = NOTHING, False
    try:
        with closing(events):
            for result in events:
                event = result.value_or(None)
                if isinstance(event, Usage):
                    usage = event
                    continue
                if isinstance(event, Done):
                    noted = True
                    note(Success(event.reply))
                elif event is None:
                    noted = True
                    note(result)
                yield result
    finally:
        if not noted:
            note(None, usage)
