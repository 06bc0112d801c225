"""loki --man [TOPIC]: a topic -> its manual page, in man or a pager, as plain text in a pipe."""

from __future__ import annotations

import os
import shutil
import subprocess
from argparse import Namespace

from loki.cli.admin.roff import to_text
from loki.cli.console import Console
from loki.edge import files
from loki.problems import Problem, suggest_nearest


def man(flags: Namespace, console: Console) -> int:
    """Show the manual page of a topic; return the exit code."""
    name = page_of(flags.man)
    if name is None:
        message = f"no manual page {flags.man!r}{suggest_nearest(flags.man, topics())}"
        return console.report(Problem("usage", message))
    program = shutil.which("man") if console.stdout_is_terminal else None
    if program and subprocess.run([program, files.packaged_file(f"man/{name}")]).returncode == 0:
        return 0
    text = to_text(files.read_data(f"man/{name}"), terminal_width(console))
    if console.stdout_is_terminal:
        import pydoc

        pydoc.pager(text)
    else:
        console.write(text)
    return 0


def terminal_width(console: Console) -> int:
    """Return the width of the text: the terminal's, within reason."""
    return min(100, shutil.get_terminal_size().columns) if console.stdout_is_terminal else 80


def pages() -> list[str]:
    """Return the names of the pages: ``loki-pipe.1`` and so on."""
    return sorted(os.listdir(files.packaged_file("man")))


def topics() -> list[str]:
    """Return what TOPIC may be."""
    return [name.rpartition(".")[0] for name in pages()]


def page_of(topic: str) -> str | None:
    """Return the page of a topic, with or without ``loki-`` and the number of its section.

    >>> page_of(""), page_of("config"), page_of("loki-pipe"), page_of("loki-pipe.1")
    ('loki.1', 'loki-config.5', 'loki-pipe.1', 'loki-pipe.1')
    >>> page_of("nothing")
    """
    wanted = topic.lower() or "loki"
    return next(
        (name for name in pages() if wanted in names_of(name)),
        None,
    )


def names_of(page: str) -> tuple[str, ...]:
    """Return the names by which a page is known.

    >>> names_of("loki-pipe.1")
    ('loki-pipe', 'loki-pipe.1', 'loki-pipe(1)', 'pipe')
    """
    title, _, section = page.rpartition(".")
    return title, page, f"{title}({section})", title.removeprefix("loki-")
