"""argv -> flags: what the commands understand, and their help."""

from __future__ import annotations

import argparse
import os

from loki import __version__
from loki.cli.commands import COMMANDS

TYPE_CHECKING = False  # typing is not needed to say --help
if TYPE_CHECKING:
    from typing import NoReturn


class Misused(Exception):
    """Wrong flags; its text says how."""


class Parser(argparse.ArgumentParser):
    """argparse, except that wrong flags are a Problem like any other."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would have printed."""
        raise Misused(f"{message} (see {self.prog} --help)")


def parse(prog: str, argv: list[str]) -> argparse.Namespace:
    """The flags of a command line; raises Misused."""
    end = argv.index("--") if "--" in argv else len(argv)
    words = [STANDALONE.get(word, word) for word in argv[:end]]
    flags = parser(prog).parse_intermixed_args(words)
    if COMMANDS[prog].words:
        flags.text += argv[end + 1 :]
    elif end + 1 < len(argv):
        raise Misused(f"{argv[end + 1]!r}: {prog} takes flags only (see {prog} --help)")
    return flags


#: Flags that take a value only after "=": the next word is the prompt.
STANDALONE = {"--dry-run": "--dry-run=json"}


def parser(prog: str) -> Parser:
    """The flags of a command."""
    command, columns = COMMANDS[prog], width()
    made = Parser(
        prog=prog,
        usage=f"{prog} [flags]{f' {command.usage}' if command.usage else ''}",
        description=command.description,
        epilog=command.example,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=columns),
    )
    if command.words:
        made.add_argument("text", nargs="*", metavar=command.words, help=command.words_help)
    for title, flags in command.groups.items():
        group = made.add_argument_group(title)
        for names, options in flags:
            group.add_argument(*names.split(), **options)
    made.add_argument("--version", action="version", version=f"{prog} {__version__}")
    return made


def width() -> int:
    """Columns for the help; argparse would ask anew for every flag, and load shutil for it."""
    said = os.environ.get("COLUMNS", "")
    try:
        return (int(said) if said.isdecimal() and int(said) else os.get_terminal_size().columns) - 2
    except OSError:
        return 78
