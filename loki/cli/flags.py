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
    "model to use; CLIENT is the name of a provider under `clients` in the configuration; without "
    ":MODEL, its first model that can do the task",
    metavar="CLIENT:MODEL",
)
CONFIG = flag("--config", "configuration file to read", metavar="FILE")
QUIET = switch("-q --quiet", "print no warnings")
VERBOSE = switch("-v --verbose", "print token usage, cost and elapsed time on stderr at the end")
TAG = flag(
    "--tag",
    "label for this call in the ledger (the local record of calls that loki-cost reads)",
    default="",
    metavar="NAME",
)
NO_LEDGER = switch("--no-ledger", "do not record this call in the ledger")

ENCODING = flag(
    "--encoding",
    "encoding of the input (default: detected from a byte order mark, otherwise UTF-8)",
    type=encoding,
    metavar="NAME",
)

NETWORK: Group = [
    flag(
        "--timeout",
        "limit for the whole call, retries and fallbacks included, in seconds (default 600)",
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
        "longest time without data from the server, in seconds (default 300)",
        type=positive,
        metavar="S",
    ),
    flag(
        "--retries",
        "maximum number of retries after the first attempt (default 3)",
        type=whole,
        metavar="N",
    ),
    flag(
        "--max-wait",
        "longest Retry-After delay to honour, in seconds (default 60); if a server asks for more, "
        "exit with code 75",
        type=positive,
        metavar="S",
    ),
    flag("--proxy", "proxy (http, https, socks5 or socks5h); - for none", metavar="URL"),
]
REQUEST: Group = [
    flag(
        "--param",
        "set a parameter of the request body, under the provider's name for it, e.g. user=me; "
        "a.b=1 sets b inside object a; a VALUE that is not valid JSON is sent as a string; "
        "repeatable",
        action="append",
        default=[],
        metavar="NAME=VALUE",
    ),
    flag(
        "--patch",
        'JSON object with "url", "body" or "headers": url replaces the address of the request, '
        "the others are merged into it",
        metavar="FILE|JSON",
    ),
]
MAX_COST = flag(
    "--max-cost",
    "send no request that could cost more than this, in US dollars",
    type=dollars,
    metavar="USD",
)
MAX_COST_OF_RUN = (
    "spending limit for the whole run, in US dollars; a request that could exceed it is not sent"
)
CACHE = flag(
    "--cache",
    "reuse the stored response to an identical request, if no older than AGE (30m, 1h, 7d; "
    "default: any age); store new responses",
    type=age,
    metavar="[=AGE]",
)
SPENDING: Group = [MAX_COST, CACHE, TAG, NO_LEDGER]
INSPECTION: Group = [
    flag(
        "--dry-run",
        "print the request instead of sending it; FORMAT: json (default) or curl",
        choices=("json", "curl"),
        metavar="[=FORMAT]",
    ),
    switch("--explain", "print on stderr where each setting comes from"),
]
CONFIGURATION: Group = [CONFIG]

FALLBACK = flag(
    "--fallback",
    "model to try if the previous one fails; repeatable, tried in order",
    metavar="CLIENT:MODEL",
    action="append",
    default=[],
)

SET = flag(
    "--set",
    "set variable NAME in the prompt file; repeatable",
    metavar="NAME=VALUE",
    action="append",
    default=[],
)

PIPE: dict[str, Group] = {
    "model": [MODEL, FALLBACK],
    "prompt": [
        flag(
            "-T --template",
            "prompt file, optionally starting with settings (front matter); a bare NAME is also "
            "looked up in templates/ in the configuration folder",
            metavar="FILE",
            dest="template_file",
        ),
        SET,
        flag(
            "-s --system --prompt",
            "system prompt (--prompt is an older name of --system; it does not set the user "
            "prompt)",
            metavar="TEXT",
            dest="prompt",
        ),
        flag("--system-file", "file with the system prompt", metavar="FILE"),
        switch(
            "-n --no-stdin",
            "do not read stdin (needed in a `while read` loop, where loki would otherwise consume "
            "the loop's input)",
        ),
        switch("--if-input", "send nothing and exit 0 if stdin is empty"),
        flag(
            "--encoding",
            "encoding of stdin (default: detected from a byte order mark, otherwise UTF-8)",
            type=encoding,
            metavar="NAME",
        ),
        flag(
            "--messages",
            "earlier messages to send, in OpenAI format (- is stdin); the file is not changed",
            metavar="FILE|JSON",
        ),
        flag(
            "-C --conversation",
            "continue the conversation in FILE (created if missing); the prompt and the answer "
            "are appended",
            metavar="FILE",
        ),
        flag(
            "-f --file",
            "attach a text, image, PDF or audio file (- is stdin); repeatable",
            metavar="PATH|URL",
            action="append",
            default=[],
        ),
    ],
    "generation": [
        flag("-t --temperature", "sampling temperature, 0 to 2", type=between(0, 2), metavar="X"),
        flag("--top-p", "nucleus sampling, 0 to 1", type=between(0, 1), metavar="X"),
        flag(
            "--max-tokens",
            "maximum number of output tokens (usually including reasoning tokens)",
            type=whole,
            metavar="N",
        ),
        flag(
            "--stop",
            "stop sequence: end the answer just before S; repeatable",
            action="append",
            default=[],
            metavar="S",
        ),
        flag(
            "--seed",
            "random seed, for more repeatable answers where supported",
            type=integer,
            metavar="N",
        ),
        flag(
            "--reasoning",
            "reasoning effort: none, minimal, low, medium, high, xhigh or max (the nearest level "
            "that the model supports is used); or a reasoning budget in tokens",
            type=reasoning,
            metavar="EFFORT",
        ),
        switch("--show-reasoning", "print the model's reasoning on stderr as it comes"),
        flag(
            "--schema",
            "ask for a JSON answer that conforms to this JSON Schema (structured output)",
            metavar="FILE|JSON",
        ),
    ],
    "tools": [
        flag(
            "--tools",
            "tool definitions, in OpenAI format or (for the provider's built-in tools) the "
            "provider's own; tool calls are printed unless --run-tools is given",
            metavar="FILE|JSON",
        ),
        flag("--tool-choice", "auto, none, required or the name of a tool", metavar="CHOICE"),
        switch(
            "--run-tools",
            'when the model calls a tool, run the "command" of its definition in --tools, on this '
            "computer, and send the output to the model; repeat until it answers",
        ),
        flag(
            "--max-steps",
            "with --run-tools: maximum number of requests to the model (default 10)",
            type=at_least_one,
            metavar="N",
        ),
        switch(
            "--search",
            "let the model use the provider's built-in web search (not loki-search)",
        ),
    ],
    "output": [
        flag(
            "-o --output",
            "text: print as it streams (default); json: one object at the end; events: one JSON "
            "event per line; raw: the provider's response, unchanged",
            choices=("text", "json", "events", "raw"),
            default="text",
        ),
        flag(
            "--fail-on",
            "exit with an error if the answer hit the token limit (length: exit 65), was blocked "
            "by a content filter (filter: 79) or is a tool call (tools: 64); repeatable",
            choices=("length", "filter", "tools"),
            action="append",
            default=[],
            metavar="length|filter|tools",
        ),
        switch("-S --no-stream", "request the answer in one response instead of a stream"),
        switch("-c --code", "print only the first fenced code block of the answer"),
        QUIET,
        VERBOSE,
    ],
    "cost": SPENDING,
    "network": NETWORK,
    "request": REQUEST,
    "inspection": INSPECTION,
    "configuration": CONFIGURATION,
}


def with_help(rows: Group, name: str, help: str) -> Group:
    """Return rows of flags, with another help for one of them."""
    return [
        (names, {**options, **({"help": help} if names == name else {})}) for names, options in rows
    ]
