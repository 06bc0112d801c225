"""Threads -> a coroutine that waits for them: woken when what it waits for is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple


class Sleeper(NamedTuple):
    """A coroutine that waits, and what it waits for."""

    loop: asyncio.AbstractEventLoop
    event: asyncio.Event
    is_there: Callable[[], bool]


class Bell:
    """Wakes the one coroutine that waits; any thread may ring."""

    def __init__(self) -> None:
        self.sleeper: Sleeper | None = None

    def ring(self) -> None:
        """Wake the coroutine if what it waits for is there."""
        if (sleeper := self.sleeper) is not None and sleeper.is_there():
            self.sleeper = None
            with suppress(RuntimeError):  # its loop is closed
                sleeper.loop.call_soon_threadsafe(sleeper.event.set)

    async def wait(self, is_there: Callable[[], bool], seconds: float) -> None:
        """Wait until something is there, at most so long."""
        self.sleeper = sleeper = Sleeper(asyncio.get_running_loop(), asyncio.Event(), is_there)
        if not is_there():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(sleeper.event.wait(), seconds)
        self.sleeper = None
