"""A terminal of its own for a command: what it prints there, and what is typed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Callable
from contextlib import suppress

from commands import BIN, Home

PATIENCE = 30.0  # seconds


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, words: list[str], environ: dict[str, str], cwd: str | None = None) -> None:
        self.master, slave = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            words,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environ,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that it is its own
        )
        os.close(slave)

    def type(self, text: str) -> None:
        """Type some keys."""
        os.write(self.master, text.encode())

    def read(self, until: Callable[[str], bool]) -> str:
        """Return all that is shown once it is as it should be, or the command has ended."""
        end = time.monotonic() + PATIENCE
        while not until(self.shown) and time.monotonic() < end:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    piece = os.read(self.master, 65536)
                except OSError:  # the other side is closed
                    break
                if not piece:
                    break
                self.shown += piece.decode("utf-8", "replace").replace("\r\n", "\n")
        return self.shown

    def read_until(self, words: str) -> str:
        """Return all that is shown once some words are, or the command has ended."""
        return self.read(lambda shown: words in shown)

    def wait(self) -> int:
        """Return the exit code of a command that has closed its terminal."""
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """End the command."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self.master)


def talk(home: Home, words: list[str]) -> str:
    """Return all that a command prints on a terminal until it ends."""
    terminal = Terminal([str(BIN / words[0]), *words[1:]], home.variables())
    try:
        return terminal.read(lambda shown: False)
    finally:
        terminal.close()


def leave_terminal() -> None:
    """Part this process and its children from its terminal, if it has one: none opens /dev/tty.

    Ctrl-C still arrives. The leader of a session stays: the terminal would hang up.
    """
    if os.getsid(0) == os.getpid():
        return
    with suppress(OSError), open("/dev/tty", "rb", buffering=0) as terminal:
        fcntl.ioctl(terminal, termios.TIOCNOTTY)
