"""argv -> flags: what the commands understand, and their help."""

from __future__ import annotations

import argparse

from loki import __version__

TYPE_CHECKING = False  # neither typing nor decimal is needed to say --help
if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any, NoReturn


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
    # --dry-run takes its form only after "=": the next word is the prompt.
    words = ["--dry-run=json" if word == "--dry-run" else word for word in argv[:end]]
    flags = parser(prog).parse_intermixed_args(words)
    flags.text += argv[end + 1 :]
    return flags


def parser(prog: str) -> Parser:
    """The flags of ``loki-pipe``, and for ``loki`` the house-keeping."""
    made = Parser(
        prog=prog,
        usage=f"{prog} [flags] [TEXT…]",
        description="Prompt in (TEXT, stdin, or both), answer out.",
        epilog=f"{prog} -m openai 'Summarise in three sentences' < report.txt",
        allow_abbrev=False,
    )
    made.add_argument("text", nargs="*", metavar="TEXT", help="the prompt; stdin follows it")
    for title, flags in GROUPS.items():
        if title == "house-keeping" and prog != "loki":
            continue
        group = made.add_argument_group(title)
        for names, options in flags:
            group.add_argument(*names.split(), **options)
    made.add_argument("--version", action="version", version=f"{prog} {__version__}")
    return made


def positive(text: str) -> float:
    """Seconds, or another number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def whole(text: str) -> int:
    """A count, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def integer(text: str) -> int:
    """Any whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def between(low: float, high: float) -> Any:
    """A number between two bounds."""

    def check(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return check


def dollars(text: str) -> Decimal:
    """An amount of money."""
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount in US dollars")
    return amount


def reasoning(text: str) -> str | int:
    """An effort, or a budget in tokens."""
    if text in ("none", "low", "medium", "high"):
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not none, low, medium, high or a number of tokens"
    )


def flag(names: str, help: str, **options: Any) -> tuple[str, dict[str, Any]]:
    """A row of the table below."""
    return names, {"help": help, **options}


def switch(names: str, help: str) -> tuple[str, dict[str, Any]]:
    """A flag without a value."""
    return names, {"help": help, "action": "store_true"}


GROUPS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "what to ask": [
        flag("-m --model", "which model; a client alone is its first one", metavar="CLIENT:MODEL"),
        flag(
            "--fallback",
            "tried when the one before is offline, busy, out of credit, or refuses; repeatable",
            metavar="CLIENT:MODEL",
            action="append",
            default=[],
        ),
        flag("--prompt", "the system prompt", metavar="TEXT"),
        flag("--messages", "a conversation: OpenAI's JSON (- is stdin)", metavar="FILE"),
        flag(
            "-f --file",
            "attach text, images, PDF or sound (- is stdin); repeatable",
            metavar="PATH|URL",
            action="append",
            default=[],
        ),
    ],
    "how to answer": [
        flag("-t --temperature", "0 to 2", type=between(0, 2), metavar="X"),
        flag("--top-p", "0 to 1", type=between(0, 1), metavar="X"),
        flag("--max-tokens", "the longest answer", type=whole, metavar="N"),
        flag("--stop", "end there; repeatable", action="append", default=[], metavar="S"),
        flag("--seed", "for answers that can be had again", type=integer, metavar="N"),
        flag(
            "--reasoning",
            "none, low, medium, high or a number of tokens",
            type=reasoning,
            metavar="HOW",
        ),
        switch("--show-reasoning", "the model's thoughts, on stderr"),
        flag("--schema", "the answer is JSON that meets this JSON Schema", metavar="FILE|JSON"),
        flag("--tools", "functions on offer: OpenAI's JSON", metavar="FILE"),
        flag("--tool-choice", "auto, none, required or a tool's name", metavar="WHICH"),
    ],
    "output": [
        flag(
            "-o --output",
            "text as it comes (default), one JSON object, or JSON lines",
            choices=("text", "json", "events"),
            default="text",
        ),
        switch("-S --no-stream", "ask for the answer in one piece"),
        switch("-c --code", "only the first fenced code block"),
        flag("--tag", "a label for the ledger, once there is one", metavar="NAME"),
        switch("--no-ledger", "write no ledger: nothing is written yet"),
        switch("-q --quiet", "no warnings"),
        switch("-v --verbose", "end with tokens, cost and seconds on stderr"),
    ],
    "sending": [
        flag("--timeout", "for everything, all attempts", type=positive, metavar="S"),
        flag("--connect-timeout", "to reach the server", type=positive, metavar="S"),
        flag("--idle-timeout", "between two bytes", type=positive, metavar="S"),
        flag("--retries", "after the first attempt", type=whole, metavar="N"),
        flag("--max-wait", "the longest pause a server may ask for", type=positive, metavar="S"),
        flag("--proxy", "http, https, socks5 or socks5h; - is none", metavar="URL"),
        flag("--patch", 'change the request: {"url", "body", "headers"}', metavar="JSON"),
        flag("--max-cost", "do not send what could cost more", type=dollars, metavar="USD"),
    ],
    "looking": [
        flag(
            "--dry-run",
            "print the request and send nothing",
            choices=("json", "curl"),
            metavar="[=json|curl]",
        ),
        switch("--explain", "on stderr: what came from where"),
        flag("--config", "another configuration file", metavar="FILE"),
    ],
    "house-keeping": [
        switch("--info", "where things are, one a line"),
        switch("--list-models", "models with limits, prices and abilities (-o json)"),
        switch("--init", "write a commented configuration to start with"),
        switch("--check", "everything that is wrong with the configuration"),
        flag("--completions", "for your shell", choices=("bash", "zsh", "fish")),
    ],
}
