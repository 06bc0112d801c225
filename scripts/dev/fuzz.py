"""Run tests/fuzz with fresh seeds for some seconds, or until something fails: then exit with 1.

pytest prints what failed, with its smallest example. It belongs into the suite as an ``@example``.
"""

from __future__ import annotations

import random
import re
import sys
import time

import pytest

USAGE = "usage: fuzz.py SECONDS"


#: What hypothesis says of each phase of a test.
CASES = re.compile(r"(\d+) passing, (\d+) failing, and (\d+) invalid test cases")


class Clock:
    """A plugin of pytest: shuffles a round, and skips what is left of it when the time is up.

    It counts the inputs that were tried.
    """

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.inputs = 0

    def is_over(self) -> bool:
        """Return whether the time is up."""
        return time.monotonic() >= self.end

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Shuffle the tests, so that a short search does not always end at the same one."""
        random.shuffle(items)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Count the inputs of a test."""
        for found in CASES.finditer(getattr(item, "hypothesis_statistics", "")):
            self.inputs += sum(map(int, found.groups()))

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a test that would begin too late."""
        if self.is_over():
            pytest.skip("the time is up")


def search(seconds: float) -> int:
    """Run round after round; return the exit code of the first that fails, else 0."""
    clock, rounds = Clock(seconds), 0
    while not clock.is_over():
        seed = random.randrange(2**32)
        print(f"seed {seed}", flush=True)
        words = ["tests/fuzz", "-m", "hypothesis", "--hypothesis-profile=fuzz", "-q", "-rN"]
        words += [f"--hypothesis-seed={seed}", "--timeout=900", "-p", "no:cacheprovider"]
        if code := pytest.main(words, plugins=[clock]):
            print(f"inputs tried: {clock.inputs:,}")
            return int(code)
        rounds += 1
    print(f"nothing failed; rounds begun: {rounds}; inputs tried: {clock.inputs:,}")
    return 0


def main(words: list[str]) -> int:
    """Search for as long as the one argument says."""
    try:
        (seconds,) = map(float, words)
    except ValueError:
        print(USAGE, file=sys.stderr)
        return 64
    return search(seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
