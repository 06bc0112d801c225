"""The commands' flags as tables: names, help, and what they take; one row a flag."""

from __future__ import annotations

from loki.cli.flag_types import between, dollars, integer, positive, reasoning, whole

TYPE_CHECKING = False  # typing is not needed to say --help
if TYPE_CHECKING:
    from typing import Any

    Group = list[tuple[str, dict[str, Any]]]


class Command:
    """What a command is for, and its flags by group."""

    def __init__(
        self,
        description: str,
        example: str,
        groups: dict[str, Group],
        words: str = "",
        words_help: str = "",
        usage: str = "",
    ) -> None:
        self.description = description
        self.example = example
        self.groups = groups
        self.words = words
        self.words_help = words_help
        self.usage = usage or (f"[{words}…]" if words else "")


def flag(names: str, help: str, **options: Any) -> tuple[str, dict[str, Any]]:
    """A row of the table below."""
    return names, {"help": help, **options}


def switch(names: str, help: str) -> tuple[str, dict[str, Any]]:
    """A flag without a value."""
    return names, {"help": help, "action": "store_true"}


MODEL = flag("-m --model", "which model; a client alone is its first one", metavar="CLIENT:MODEL")
CONFIG = flag("--config", "another configuration file", metavar="FILE")
QUIET = switch("-q --quiet", "no warnings")
VERBOSE = switch("-v --verbose", "end with tokens, cost and seconds on stderr")
TAG = flag("--tag", "a label for the ledger", default="", metavar="NAME")
NO_LEDGER = switch("--no-ledger", "write nothing into the ledger")

SENDING: Group = [
    flag("--timeout", "for everything, all attempts", type=positive, metavar="S"),
    flag("--connect-timeout", "to reach the server", type=positive, metavar="S"),
    flag("--idle-timeout", "between two bytes", type=positive, metavar="S"),
    flag("--retries", "after the first attempt", type=whole, metavar="N"),
    flag("--max-wait", "the longest pause a server may ask for", type=positive, metavar="S"),
    flag("--proxy", "http, https, socks5 or socks5h; - is none", metavar="URL"),
    flag("--patch", 'change the request: {"url", "body", "headers"}', metavar="JSON"),
    flag("--max-cost", "do not send what could cost more", type=dollars, metavar="USD"),
]
LOOKING: Group = [
    flag(
        "--dry-run",
        "print the request and send nothing",
        choices=("json", "curl"),
        metavar="[=json|curl]",
    ),
    switch("--explain", "on stderr: what came from where"),
    CONFIG,
]

PIPE: dict[str, Group] = {
    "what to ask": [
        MODEL,
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
        TAG,
        NO_LEDGER,
        QUIET,
        VERBOSE,
    ],
    "sending": SENDING,
    "looking": LOOKING,
}

KEEPING: dict[str, Group] = {
    "house-keeping": [
        switch("--info", "where things are, one a line"),
        switch("--list-models", "models with limits, prices and abilities (-o json)"),
        switch("--sync-models", "read a newer catalogue of models from sync_models_url"),
        switch("--init", "write a commented configuration to start with"),
        switch("--check", "everything that is wrong with the configuration"),
        flag("--completions", "for your shell", choices=("bash", "zsh", "fish")),
    ],
    "who you are": [
        flag(
            "--authenticate",
            "log in by OAuth; the only such client needs no name",
            nargs="?",
            const="",
            metavar="CLIENT",
        ),
        flag("--add-secret", "a new one in the vault, from a prompt or stdin", metavar="NAME"),
        flag("--get-secret", "print one", metavar="NAME"),
        flag("--update-secret", "another value for one", metavar="NAME"),
        flag("--delete-secret", "forget one", metavar="NAME"),
        switch("--list-secrets", "their names"),
    ],
}

SHARED: dict[str, Group] = {
    "ledger and talk": [TAG, NO_LEDGER, QUIET, VERBOSE],
    "sending": SENDING,
    "looking": LOOKING,
}

EMBED: dict[str, Group] = {
    "what to embed": [
        MODEL,
        flag("--task", "what the vectors are for", choices=("query", "document"), metavar="TASK"),
        flag("--dimensions", "of the vectors, where the model can", type=whole, metavar="N"),
        switch("--jsonl", 'input lines are {"id", "text"}'),
        switch("-0 --null", "input texts end with NUL"),
        switch("--whole", "stdin is one text"),
        switch("--chunk", "split long texts by the model's chunk sizes"),
    ],
    "output": [
        flag(
            "-o --output",
            "vectors as numbers (default) or as float32 in base64",
            choices=("json", "base64"),
            default="json",
        ),
        flag("-j --in-flight", "requests at once (default 4)", type=whole, default=4, metavar="N"),
    ],
    **SHARED,
}

RERANK: dict[str, Group] = {
    "what to rank": [
        MODEL,
        flag("--top", "only the best", type=whole, metavar="N"),
        switch("--jsonl", 'input lines are {"id", "text"}'),
        switch("-0 --null", "documents end with NUL, also in the output"),
    ],
    "output": [
        flag(
            "-o --output",
            "the documents (default), or JSON lines with their scores",
            choices=("text", "json"),
            default="text",
        ),
    ],
    **SHARED,
}

COST: dict[str, Group] = {
    "what to count": [
        flag("--since", "24h, 7d, 2w, today, 2026-11, 2026-11-01 (default 30d)", metavar="WHEN"),
        flag("--until", "the same, that day or month included (default now)", metavar="WHEN"),
        flag(
            "--by",
            "a row for each; repeatable (default day)",
            choices=("day", "month", "model", "client", "tag"),
            action="append",
            default=[],
        ),
        flag("--tag", "only these calls", metavar="NAME"),
        flag("-m --model", "only this client or client:model", metavar="CLIENT:MODEL"),
    ],
    "output": [
        flag(
            "-o --output",
            "a table (default), JSON lines or CSV",
            choices=("table", "json", "csv"),
            default="table",
        ),
        flag(
            "--chart",
            "draw it here, or into a picture",
            nargs="?",
            const="-",
            metavar="FILE.svg|png",
        ),
        CONFIG,
        QUIET,
    ],
}

BATCH: dict[str, Group] = {
    "rows in": [
        MODEL,
        next(row for row in PIPE["what to ask"] if row[0] == "--fallback"),
        switch("--lines", "every line is a prompt"),
        switch("--csv", "a table with a header line; --template names its columns"),
        flag("--template", "the prompt of a row: 'Translate to {lang}: {text}'", metavar="TEXT"),
        switch("--embed", "vectors of the rows' texts, rather than answers"),
    ],
    "how to answer": [
        flag("--prompt", "the system prompt of rows that bring none", metavar="TEXT"),
        *(row for row in PIPE["how to answer"] if row[0] != "--show-reasoning"),
    ],
    "rows out": [
        flag("-o --output", "a file, which a run started again goes on with", metavar="OUT"),
        switch("--keep", "with the input's fields; one named as ours is input_NAME"),
        switch("--ordered", "in the order of the input, not as they finish"),
        flag("--summary", "how it went, as JSON", metavar="FILE"),
        switch("--check", "send nothing: count what is left, and what it may cost"),
        *(TAG, NO_LEDGER, QUIET, VERBOSE),
    ],
    "pace": [
        flag("-j --in-flight", "rows at once (default 16)", type=whole, default=16, metavar="N"),
        flag("--rpm", "requests a minute at most, of the whole run", type=positive, metavar="N"),
        flag("--tpm", "tokens a minute at most, of the whole run", type=positive, metavar="N"),
        flag(
            "--max-cost",
            "send nothing that could make the run cost more",
            type=dollars,
            metavar="USD",
        ),
        flag("--max-time", "stop after that long", type=positive, metavar="S"),
        flag("--scheduler", "send from the workers of a Dask cluster", metavar="ADDRESS"),
    ],
    "sending": [row for row in SENDING if row[0] != "--max-cost"],
    "looking": [
        flag(
            "--dry-run",
            "print the request of the first row, or of all, and send nothing",
            choices=("json", "curl", "all"),
            metavar="[=json|curl|all]",
        ),
        CONFIG,
    ],
}

COMMANDS: dict[str, Command] = {
    "loki-pipe": Command(
        "Prompt in (TEXT, stdin, or both), answer out.",
        "loki-pipe -m openai 'Summarise in three sentences' < report.txt",
        PIPE,
        "TEXT",
        "the prompt; stdin follows it",
    ),
    "loki": Command(
        "Prompt in (TEXT, stdin, or both), answer out; and what keeps the house.",
        "loki -m openai 'Summarise in three sentences' < report.txt",
        {**PIPE, **KEEPING},
        "TEXT",
        "the prompt; stdin follows it",
    ),
    "loki-embed": Command(
        "Texts in (TEXT, or stdin, one a line), a JSON line with a vector out for each.",
        "loki-embed -m openai:text-embedding-3-small < titles.txt > vectors.jsonl",
        EMBED,
        "TEXT",
        "a text each; without any, stdin",
    ),
    "loki-rerank": Command(
        "Documents in (stdin, one a line), best first out.",
        "loki-rerank -m cohere:rerank-v3.5 'how to mend a bicycle' --top 5 < notes.txt",
        RERANK,
        "QUERY",
        "what the documents are ranked by",
        "QUERY",
    ),
    "loki-batch": Command(
        "Many rows: JSON lines in, JSON lines out; started again, it goes on where it stopped.",
        "loki-batch -m openai:gpt-4.1-mini questions.jsonl -o answers.jsonl",
        BATCH,
        "IN",
        'lines of {"id", "prompt"} or {"id", "messages"}; without a name stdin',
        "[IN] [-o OUT]",
    ),
    "loki-cost": Command(
        "What was spent, from the ledger.",
        "loki-cost --since 7d --by model",
        COST,
    ),
}
