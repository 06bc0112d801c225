"""Tables of the flags that commands share: names, help, options for argparse; one row per flag."""

from __future__ import annotations

from loki.cli.flag_types import (
    age,
    at_least_one,
    between,
    dollars,
    encoding,
    integer,
    positive,
    reasoning,
    whole,
)

TYPE_CHECKING = False  # typing is not needed to say --help
if TYPE_CHECKING:
    from typing import Any

    Group = list[tuple[str, dict[str, Any]]]


def flag(names: str, help: str, **options: Any) -> tuple[str, dict[str, Any]]:
    """Return a row of the tables below: the names of a flag, and the options for argparse."""
    return names, {"help": help, **options}


def switch(names: str, help: str) -> tuple[str, dict[str, Any]]:
    """Return the row of a flag without a value."""
    return names, {"help": help, "action": "store_true"}


MODEL = flag(
    "-m --model",
    "model to use; CLIENT alone means its first model of the right type",
    metavar="CLIENT:MODEL",
)
CONFIG = flag("--config", "configuration file to read", metavar="FILE")
QUIET = switch("-q --quiet", "print no warnings")
VERBOSE = switch("-v --verbose", "print tokens, cost and seconds on stderr at the end")
TAG = flag("--tag", "label for this call in the ledger", default="", metavar="NAME")
NO_LEDGER = switch("--no-ledger", "write nothing to the ledger")

ENCODING = flag(
    "--encoding",
    "encoding of the input (default: as its byte order mark says, else UTF-8)",
    type=encoding,
    metavar="NAME",
)

SENDING: Group = [
    flag(
        "--timeout",
        "limit for the whole call, all attempts included, in seconds (default 600)",
        type=positive,
        metavar="S",
    ),
    flag(
        "--connect-timeout",
        "limit for connecting to the server, in seconds (default 10)",
        type=positive,
        metavar="S",
    ),
    flag(
        "--idle-timeout",
        "longest wait for the next part of an answer, in seconds (default 300)",
        type=positive,
        metavar="S",
    ),
    flag(
        "--retries",
        "how often to try again after the first attempt (default 3)",
        type=whole,
        metavar="N",
    ),
    flag(
        "--max-wait",
        "give up with exit 75 if the server asks for a longer wait, in seconds (default 60)",
        type=positive,
        metavar="S",
    ),
    flag("--proxy", "proxy (http, https, socks5 or socks5h); - for none", metavar="URL"),
    flag(
        "--param",
        "parameter of the body in the provider's own words, as top_k=40 or user=me; a dot in NAME "
        "leads into an object; VALUE is JSON, else text; repeatable",
        action="append",
        default=[],
        metavar="NAME=VALUE",
    ),
    flag(
        "--patch",
        'change the request: an object with "url", "body" or "headers"',
        metavar="FILE|JSON",
    ),
    flag("--max-cost", "refuse any request that could cost more", type=dollars, metavar="USD"),
    flag(
        "--cache",
        "answer from the cache if the same request was answered before, within AGE (30m, 1h, 7d)",
        type=age,
        metavar="[=AGE]",
    ),
]
INSPECTION: Group = [
    flag(
        "--dry-run",
        "print the request instead of sending it; FORMAT: json (default) or curl",
        choices=("json", "curl"),
        metavar="[=FORMAT]",
    ),
    switch("--explain", "print on stderr where each setting comes from"),
    CONFIG,
]

MAX_COST_OF_RUN = "limit for the whole run; no request that could exceed it is sent"

FALLBACK = flag(
    "--fallback",
    "model to try when the one before fails; repeatable",
    metavar="CLIENT:MODEL",
    action="append",
    default=[],
)

SET = flag(
    "--set",
    "value for a name in the prompt file; repeatable",
    metavar="NAME=VALUE",
    action="append",
    default=[],
)

PIPE: dict[str, Group] = {
    "prompt": [
        MODEL,
        FALLBACK,
        flag(
            "-T --template",
            "prompt as a file, with settings in front; a NAME alone may be in templates/ of the "
            "configuration folder",
            metavar="FILE",
            dest="template_file",
        ),
        SET,
        flag("-s --system --prompt", "system prompt", metavar="TEXT", dest="prompt"),
        flag("--system-file", "file with the system prompt", metavar="FILE"),
        switch("-n --no-stdin", "do not read stdin; for use inside `while read` loops"),
        switch("--if-input", "send nothing and exit 0 if stdin is empty"),
        flag(
            "--encoding",
            "encoding of stdin (default: as its byte order mark says, else UTF-8)",
            type=encoding,
            metavar="NAME",
        ),
        flag(
            "--messages",
            "conversation to continue, in the OpenAI message format (- is stdin)",
            metavar="FILE|JSON",
        ),
        flag(
            "-C --conversation",
            "file of a conversation to continue; both turns are added to it (made if missing)",
            metavar="FILE",
        ),
        flag(
            "-f --file",
            "attach a text, image, PDF or sound file (- is stdin); repeatable",
            metavar="PATH|URL",
            action="append",
            default=[],
        ),
    ],
    "answer": [
        flag("-t --temperature", "sampling temperature, 0 to 2", type=between(0, 2), metavar="X"),
        flag("--top-p", "nucleus sampling, 0 to 1", type=between(0, 1), metavar="X"),
        flag("--max-tokens", "limit for the answer, in tokens", type=whole, metavar="N"),
        flag(
            "--stop",
            "end the answer before this text; repeatable",
            action="append",
            default=[],
            metavar="S",
        ),
        flag("--seed", "ask for repeatable answers, where supported", type=integer, metavar="N"),
        flag(
            "--reasoning",
            "reasoning effort (none, minimal, low, medium, high, xhigh, max; the nearest one that "
            "the model has), or a limit in tokens",
            type=reasoning,
            metavar="EFFORT",
        ),
        switch("--show-reasoning", "print the model's reasoning on stderr as it comes"),
        flag("--schema", "answer with JSON that satisfies this JSON Schema", metavar="FILE|JSON"),
        flag(
            "--tools",
            "tools to offer to the model (OpenAI format, or the provider's own tools as its manual "
            "writes them); calls are printed, unless --run-tools",
            metavar="FILE|JSON",
        ),
        switch("--search", "let the model search the web with its provider's own tool"),
        flag("--tool-choice", "auto, none, required or the name of a tool", metavar="CHOICE"),
        switch("--run-tools", 'run the "command" of each tool that the model calls, and go on'),
        flag(
            "--max-steps",
            "requests until there must be an answer, with --run-tools (default 10)",
            type=at_least_one,
            metavar="N",
        ),
    ],
    "output": [
        flag(
            "-o --output",
            "text as it comes (default), one JSON object at the end, events as JSON lines, or "
            "the provider's own bytes (raw)",
            choices=("text", "json", "events", "raw"),
            default="text",
        ),
        flag(
            "--fail-on",
            "fail if the answer was cut off (length, exit 65), filtered (filter, 79) or wants "
            "tools called (tools, 64); repeatable",
            choices=("length", "filter", "tools"),
            action="append",
            default=[],
            metavar="length|filter|tools",
        ),
        switch("-S --no-stream", "ask for the answer in one response instead of a stream"),
        switch("-c --code", "print only the first fenced code block of the answer"),
        TAG,
        NO_LEDGER,
        QUIET,
        VERBOSE,
    ],
    "sending": SENDING,
    "inspection": INSPECTION,
}


def with_help(rows: Group, name: str, help: str) -> Group:
    """Return rows of flags, with another help for one of them."""
    return [
        (names, {**options, **({"help": help} if names == name else {})}) for names, options in rows
    ]
