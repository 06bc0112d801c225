"""Threads -> one core: turns that stay there take less time."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def pin_to_core(place: int | None = None) -> None:
    """Keep this thread, and those that it starts, on one core, where that is possible.

    Threads of one interpreter take turns anyway, and a turn that goes from core to core costs a
    fifth of all the time. ``place`` chooses among the cores, so that several processes are on
    several; None is the core where the thread is. Source: David Beazley, Understanding the Python
    GIL, PyCon 2010.
    """
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return
    with suppress(AttributeError, OSError, ValueError, IndexError):  # not everywhere is Linux
        if place is not None:
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[place % len(cores)]})
            return
        with open("/proc/self/stat", encoding="utf-8") as file:
            core = int(file.read().rpartition(")")[2].split()[PROCESSOR])
        os.sched_setaffinity(0, {core})


PROCESSOR = 36  # of the fields after the name; proc_pid_stat(5)
