"""Feed the readers changed inputs, thousands a second, and print which of them break a promise.

Each input has a number, and a seed and a number always make the same input: --at NUMBER feeds that
one alone. Exits with 1 if anything was found; what was found belongs into the suite as an example.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
import traceback
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from itertools import accumulate, count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from fuzz_readers import Reader, readers

BLOCK = 2000  # inputs that a process takes at once
MOST_SECONDS = 5.0  # of processor time that an input may take
SHOWN = 1500  # characters of an input that was found


class Find(NamedTuple):
    """An input that broke a promise."""

    number: int
    reader: str
    reason: str
    place: str  # where in loki, or which promise
    shown: str


class Block(NamedTuple):
    """What came of a block of inputs: how many each reader had, and what was found."""

    counts: Counter[str]
    finds: list[Find]


class TooSlowError(BaseException):
    """An input took too long; no reader catches this."""


def give_up(number: int, frame: object) -> NoReturn:
    """Raise TooSlowError: a signal handler."""
    raise TooSlowError(f"over {MOST_SECONDS:g} s of processor time")


@cache
def table() -> tuple[list[Reader], list[float]]:
    """Return the readers, and the sums of their weights."""
    found = readers()
    gc.freeze()  # the seeds stay: no collection need look at them
    return found, [*accumulate(reader.weight for reader in found)]


def make_input(seed: int, number: int) -> tuple[Reader, Any]:
    """Return the reader and the input of a number."""
    rng = Random((seed << 48) + number)
    known, sums = table()
    reader = known[bisect(sums, rng.random() * sums[-1])]
    return reader, reader.make(rng)


def run_block(seed: int, first: int, most: int) -> Block:
    """Feed the inputs of some numbers."""
    signal.signal(signal.SIGPROF, give_up)
    counts, finds = Counter[str](), list[Find]()
    for number in range(first, first + most):
        reader, given = make_input(seed, number)
        counts[reader.name] += 1
        try:
            signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
            reader.check(given)
            signal.setitimer(signal.ITIMER_PROF, 0)
        except (Exception, TooSlowError) as error:
            signal.setitimer(signal.ITIMER_PROF, 0)
            finds.append(as_find(number, reader, given, error))
    return Block(counts, finds)


def as_find(number: int, reader: Reader, given: Any, error: BaseException) -> Find:
    """Return what an input did."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}loki{os.sep}" in frame.filename]
    frame = frames[-1] if isinstance(error, AssertionError) or not ours else ours[-1]
    place = f"{'/'.join(frame.filename.split(os.sep)[-2:])}:{frame.lineno}"
    reason = f"{type(error).__name__}: {str(error)[:400]}"
    return Find(number, reader.name, reason, place, repr(given)[:SHOWN])


def blocks(seed: int, inputs: int | None, workers: int, until: float) -> Iterator[Block]:
    """Yield what came of each block, from several processes, up to a number of inputs or a time."""
    with ProcessPoolExecutor(workers) as pool:
        waiting: set[Future[Block]] = set()
        for first in count(0, BLOCK):
            if time.monotonic() >= until or (inputs is not None and first >= inputs):
                break
            most = BLOCK if inputs is None else min(BLOCK, inputs - first)
            waiting.add(pool.submit(run_block, seed, first, most))
            if len(waiting) > workers:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        yield from (future.result() for future in waiting)


def search(seed: int, inputs: int | None, workers: int, seconds: float) -> int:
    """Feed inputs, print what is found, each kind once; return the exit code."""
    start = shown = time.monotonic()
    total, known = Counter[str](), Counter[tuple[str, str]]()
    try:
        for block in blocks(seed, inputs, workers, start + seconds):
            total += block.counts
            for find in block.finds:
                known[find.reader, find.place] += 1
                if known[find.reader, find.place] == 1:
                    print_find(seed, find)
            if time.monotonic() > shown + 60:
                shown = time.monotonic()
                print(progress(total, known, shown - start), flush=True)
    except BrokenProcessPool:
        print(f"a process died between inputs {total.total():,} and {total.total() + 9 * BLOCK:,}")
        return 1
    print("\n".join(f"{name:24}{number:>12,}" for name, number in sorted(total.items())))
    print(progress(total, known, time.monotonic() - start))
    return int(bool(known))


def progress(total: Counter[str], known: Counter[tuple[str, str]], seconds: float) -> str:
    """Return how many inputs there were, how long they took, and what was found."""
    rate = total.total() / max(seconds, 0.001)
    found = f"{known.total():,} finds of {len(known)} kinds"
    return f"{total.total():,} inputs in {seconds:,.0f} s ({rate:,.0f} a second); {found}"


def print_find(seed: int, find: Find) -> None:
    """Print what was found, and how it is had again."""
    again = f"python scripts/dev/fuzz_inputs.py --seed {seed} --at {find.number}"
    print(f"FOUND by {find.reader}, {find.place}: {find.reason}", flush=True)
    print(f"  {find.shown}\n  again: {again}", flush=True)


def main() -> int:
    """Search, or feed one input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, help="how many; else what the time allows")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--at", type=int, metavar="NUMBER", help="feed this one input")
    flags = parser.parse_args()
    if flags.at is not None:
        reader, given = make_input(flags.seed, flags.at)
        print(reader.name, repr(given), sep="\n")
        reader.check(given)
        return 0
    if flags.inputs is None and flags.seconds == float("inf"):
        parser.error("give --inputs or --seconds")
    return search(flags.seed, flags.inputs, flags.workers, flags.seconds)


if __name__ == "__main__":
    sys.exit(main())
