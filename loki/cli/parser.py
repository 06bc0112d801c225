"""argv -> flags, or a UsageError: what the commands understand, and their help."""

from __future__ import annotations

import argparse
import os
import sys

from loki import __version__
from loki.cli.commands import COMMANDS

TYPE_CHECKING = False  # typing is not needed to say --help
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from loki.cli.commands import Command


class UsageError(Exception):
    """Wrong flags; its text says what is wrong with them."""


class Parser(argparse.ArgumentParser):
    """argparse, except that wrong flags raise UsageError."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would have printed; an unknown flag with the nearest one."""
        unknown = message.removeprefix(UNKNOWN).split() if message.startswith(UNKNOWN) else []
        flags = [argument.partition("=")[0] for argument in unknown if argument[0] == "-"]
        if unknown:
            message = explain_unknown(self.prog, flags[0]) if flags else stray(self.prog, unknown)
        raise UsageError(f"{message} (see {self.prog} --help)")


class HelpFormatter(argparse.HelpFormatter):
    """argparse's, except that an example is not wrapped, no word is broken at its hyphens, and
    ``[=VALUE]`` follows its flag."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Return a paragraph wrapped, an example as it is."""
        return text if text.startswith(EXAMPLE) else super()._fill_text(text, width, indent)

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Return the lines of the help of a flag; ``--run-tools`` stays in one."""
        from textwrap import wrap  # as argparse does

        return wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Return a flag with its value, as it is typed."""
        return super()._format_action_invocation(action).replace(" [=", "[=")


EXAMPLE = "example:\n  "  # so the end of the help begins
UNKNOWN = "unrecognized arguments: "  # so argparse begins its message


def explain_unknown(prog: str, flag: str) -> str:
    """Return what to say of an unknown flag: the nearest one, or the command that has it.

    >>> explain_unknown("loki-pipe", "--promt")
    'unknown flag --promt: did you mean --prompt?'
    >>> explain_unknown("loki-pipe", "--temp")
    'unknown flag --temp: did you mean --template or --temperature?'
    >>> explain_unknown("loki-pipe", "--list-models")
    'unknown flag --list-models: it is a flag of loki'
    >>> explain_unknown("loki-pipe", "--zzz")
    'unknown flag --zzz'
    """
    from difflib import get_close_matches  # only ever needed on the way out

    owners = [other for other in COMMANDS if flag in flags_of(other)]
    if owners:
        return f"unknown flag {flag}: it is a flag of {' and '.join(owners)}"
    known = flags_of(prog) if len(flag) > 3 else []
    longer = [name for name in known if name.startswith(flag)][:4]  # --max begins more than a few
    close = longer or get_close_matches(flag, known, 1, 0.7)
    meant = f": did you mean {' or '.join(close)}?" if close else ""
    return f"unknown flag {flag}{meant}"


def stray(prog: str, words: list[str]) -> str:
    """Return what to say of words that are no flag, to a command that takes flags only.

    >>> stray("loki-cost", ["2w"]), stray("loki-cost", ["groq"])
    ("'2w': did you mean --since 2w?", "'groq': loki-cost takes flags only")
    """
    import re

    word = words[0]
    if prog == "loki-cost" and re.fullmatch(r"today|yesterday|\d+[hdw]|\d{4}-\d\d(-\d\d)?", word):
        return f"{word!r}: did you mean --since {word}?"
    return f"{word!r}: {prog} takes flags only"


def flags_of(prog: str) -> list[str]:
    """Return the names of the flags of a command."""
    rows = (row for group in COMMANDS[prog].groups.values() for row in group)
    return [*(name for names, _ in rows for name in names.split()), "--help", "--version"]


def parse(prog: str, argv: list[str]) -> argparse.Namespace:
    """Return the flags of a command line; raise UsageError."""
    end = argv.index("--") if "--" in argv else len(argv)
    refuse_detached(prog, argv[:end])
    standalone = {**STANDALONE, **(CHECK if prog == "loki" else {})}
    arguments = attach_negative_numbers(
        prog, [standalone.get(argument, argument) for argument in argv[:end]]
    )
    flags = parser(prog).parse_intermixed_args(arguments)
    if getattr(flags, "template_file", None):
        flags.given = given_flags(prog, arguments, flags)
    if prog == "loki" and flags.live and not flags.list_models:
        raise UsageError(f"--live goes with --list-models (see {prog} --help)")
    if COMMANDS[prog].text_name:
        flags.text += argv[end + 1 :]
    elif end + 1 < len(argv):
        raise UsageError(f"{stray(prog, argv[end + 1 :])} (see {prog} --help)")
    return flags


def attach_negative_numbers(prog: str, arguments: list[str]) -> list[str]:
    """Return the arguments with each negative number attached to its flag: -0 is a flag, too.

    >>> attach_negative_numbers("loki-search", ["notes", "--min-score", "-1", "-0", "x"])
    ['notes', '--min-score=-1', '-0', 'x']
    """
    rows = (row for group in COMMANDS[prog].groups.values() for row in group)
    taking = {name for names, options in rows if "type" in options for name in names.split()}
    attached: list[str] = []
    for argument in arguments:
        is_number = argument[:1] == "-" and argument[1:].removeprefix(".")[:1].isdecimal()
        if is_number and attached and attached[-1] in taking and attached[-1][:2] == "--":
            attached[-1] += f"={argument}"
        else:
            attached.append(argument)
    return attached


def refuse_detached(prog: str, argv: list[str]) -> None:
    """Raise where a word that can only be the value of a flag stands apart from it."""
    for flag, word in zip(argv, argv[1:], strict=False):
        if word in DETACHED.get(flag, ()) and (flag != "--check" or prog == "loki"):
            raise UsageError(f"{flag} {word}: say {flag}={word} (see {prog} --help)")


#: Words that are the value of a flag, but only after "=".
DETACHED = {"--dry-run": ("json", "curl"), "--check": ("online", "offline")}


def given_flags(prog: str, arguments: list[str], flags: argparse.Namespace) -> frozenset[str]:
    """Return the names of the flags that a command line gives: no default stands in for these."""
    blank = argparse.Namespace(**dict.fromkeys(name for name in vars(flags) if name != "text"))
    given = parser(prog).parse_intermixed_args(arguments, blank)
    return frozenset(name for name, value in vars(given).items() if value is not None)


#: Flags that take a value only after "=": the next argument is the prompt.
STANDALONE = {
    "--dry-run": "--dry-run=json",
    "--cache": "--cache=any",
    "--wait": "--wait=1000d",
    "--status": "--status=text",
}
CHECK = {"--check": "--check=offline"}


def parser(prog: str) -> Parser:
    """Return the parser of a command's flags."""
    command, columns = COMMANDS[prog], width()
    made = Parser(
        prog=prog,
        usage=f"{prog} [flags]{f' {command.usage}' if command.usage else ''}",
        description=command.description,
        epilog=f"{EXAMPLE}{command.example}",
        allow_abbrev=False,
        add_help=False,
        formatter_class=lambda prog: HelpFormatter(prog, width=columns),
    )
    if command.text_name:
        add_texts(made, command)
    for title, flags in command.groups.items():
        group = made.add_argument_group(title)
        for names, options in flags:
            group.add_argument(*names.split(), **options)
    add_help(made)
    return made


def add_texts(made: Parser, command: Command) -> None:
    """Add what is no flag; all of it is ``text``, the second name is there for the help alone."""
    group = made.add_argument_group("arguments")
    group.add_argument("text", nargs="*", metavar=command.text_name, help=command.text_help)
    name, help = command.second_text
    if name:
        group.add_argument("_", nargs="*", metavar=name, help=help, default=argparse.SUPPRESS)


class PrintAndExit(argparse.Action):
    """Print a text, or the help, and exit; unlike argparse's own, raise what keeps it from that."""

    def __init__(self, option_strings: list[str], **options: Any) -> None:
        super().__init__(option_strings, **{**options, "dest": argparse.SUPPRESS, "nargs": 0})

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
        """Print and exit."""
        sys.stdout.write(self.const or parser.format_help())
        sys.stdout.flush()
        parser.exit()


def add_help(made: Parser) -> None:
    """Add the flags that print and exit."""
    group = made.add_argument_group("help")
    group.add_argument("-h", "--help", action=PrintAndExit, help="print this help and exit")
    group.add_argument(
        "--version",
        action=PrintAndExit,
        const=f"{made.prog} {__version__}\n",
        help="print the version and exit",
    )


def width() -> int:
    """Return the width of the help, in columns.

    argparse would ask anew for every flag, and load shutil for it.
    """
    columns = os.environ.get("COLUMNS", "")
    try:
        terminal = int(columns) if columns.isdecimal() else 0
        return (terminal or os.get_terminal_size().columns) - 2
    except OSError:
        return 78
