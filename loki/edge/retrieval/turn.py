"""A path of a store -> the turn to add to it: one process at a time, none pays a text twice."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b

from loki.edge.trust import make_private_folder

#: Seconds between two looks at a turn that another process has.
PAUSE = 0.2


class Turn:
    """The right to send texts for a store: who waits for it then finds what others put there.

    It is a lock in a folder of ours, which a process that is killed gives back, too. It is kept
    while texts are out: ``give_back`` does nothing before each that was counted has ``arrived``.
    """

    def __init__(self, path: str, folder: str, say: Callable[[str], None]) -> None:
        from filelock import FileLock

        name = blake2b(os.path.realpath(path).encode("utf-8", "replace"), digest_size=8).hexdigest()
        self.path, self.folder, self.say = path, folder, say
        file = os.path.join(folder, f"loki-store-{name}.turn")
        self.lock = FileLock(file, thread_local=False, mode=0o600)
        self.mutex = threading.Lock()  # guards what follows
        self.is_held = False
        self.out = 0  # texts that were counted, and have not arrived

    def take(self) -> bool:
        """Wait for the turn and count a text; return whether it was not ours before."""
        with self.mutex:
            self.out += 1
            if self.is_held:
                return False
            with suppress(OSError):  # without such a folder, others are not known of
                make_private_folder(self.folder)
                self.acquire()
            self.is_held = True
            return True

    def acquire(self) -> None:
        """Take the lock; say so where that takes time."""
        from filelock import Timeout

        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            self.say(f"another process is adding to {self.path}: waiting for its end")
            self.lock.acquire(timeout=-1, poll_interval=PAUSE)

    def arrive(self, texts: int) -> int:
        """Count texts that are done with; return how many are still out."""
        with self.mutex:
            self.out -= texts
            return self.out

    def give_back(self, at_once: bool = False) -> None:
        """Let others add, if no text is out; ``at_once`` in any case."""
        with self.mutex:
            if self.is_held and (at_once or self.out <= 0):
                self.is_held = False
                self.lock.release(force=True)
