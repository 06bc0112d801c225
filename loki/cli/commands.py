"""Table of the commands: what each does, its example, and the flags of its own."""

from __future__ import annotations

from loki.cli.flag_types import dollars, positive, whole
from loki.cli.flags import (
    CONFIG,
    FALLBACK,
    INSPECTION,
    MODEL,
    NO_LEDGER,
    PIPE,
    QUIET,
    SENDING,
    TAG,
    VERBOSE,
    flag,
    switch,
)

TYPE_CHECKING = False  # typing is not needed to say --help
if TYPE_CHECKING:
    from loki.cli.flags import Group


class Command:
    """A command as its help shows it: description, example, the text beside the flags, flags."""

    def __init__(
        self,
        description: str,
        example: str,
        groups: dict[str, Group],
        text_name: str = "",
        text_help: str = "",
        usage: str = "",
    ) -> None:
        self.description = description
        self.example = example
        self.groups = groups
        self.text_name = text_name
        self.text_help = text_help
        self.usage = usage or (f"[{text_name}…]" if text_name else "")


def with_help(rows: Group, name: str, help: str) -> Group:
    """Return rows of flags, with another help for one of them."""
    return [
        (names, {**options, **({"help": help} if names == name else {})}) for names, options in rows
    ]


ADMINISTRATION: dict[str, Group] = {
    "administration": [
        switch("--info", "print version, files, clients and catalogue, one per line"),
        switch(
            "--list-models",
            "list models with limits, prices and features; with TEXT, only those whose name "
            "contains it",
        ),
        switch("--sync-models", "download a newer catalogue of models from sync_models_url"),
        switch("--init", "write a commented starter configuration"),
        switch("--check", "check the configuration and print every problem"),
        flag(
            "--completions",
            "print the completion script for a shell",
            choices=("bash", "zsh", "fish"),
        ),
    ],
    "authentication": [
        flag(
            "--authenticate",
            "log in with OAuth; CLIENT may be left out if only one client uses it",
            nargs="?",
            const="",
            metavar="CLIENT",
        ),
        flag(
            "--add-secret",
            "add a secret to the vault; its value is typed, or read from stdin",
            metavar="NAME",
        ),
        flag("--get-secret", "print a secret", metavar="NAME"),
        flag("--update-secret", "change the value of a secret", metavar="NAME"),
        flag("--delete-secret", "delete a secret", metavar="NAME"),
        switch("--list-secrets", "list the names of all secrets"),
    ],
}

MAX_COST_OF_RUN = "limit for the whole run; no request that could exceed it is sent"

SHARED: dict[str, Group] = {
    "ledger and messages": [TAG, NO_LEDGER, QUIET, VERBOSE],
    "sending": with_help(SENDING, "--max-cost", MAX_COST_OF_RUN),
    "inspection": INSPECTION,
}

EMBED: dict[str, Group] = {
    "input": [
        MODEL,
        flag(
            "--task",
            "purpose of the vectors: query or document",
            choices=("query", "document"),
            metavar="TASK",
        ),
        flag(
            "--dimensions",
            "length of the vectors, where the model lets you choose",
            type=whole,
            metavar="N",
        ),
        switch("--jsonl", 'read JSON lines with "id" and "text"'),
        switch("-0 --null", "read texts that end with NUL instead of a newline"),
        switch("--whole", "treat all of stdin as one text"),
        switch("--chunk", "split long texts to the chunk size of the model"),
    ],
    "output": [
        flag(
            "-o --output",
            "vectors as JSON numbers (default) or as base64 of float32",
            choices=("json", "base64"),
            default="json",
        ),
        flag(
            "-j --in-flight",
            "number of requests at the same time (default 4)",
            type=whole,
            default=4,
            metavar="N",
        ),
    ],
    **SHARED,
}

RERANK: dict[str, Group] = {
    "input": [
        MODEL,
        flag("--top", "print only the N best documents", type=whole, metavar="N"),
        switch("--jsonl", 'read JSON lines with "id" and "text"'),
        switch("-0 --null", "read and print documents that end with NUL instead of a newline"),
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
    "selection": [
        flag(
            "--since",
            "start: 24h, 7d, 2w, today, 2026-11 or 2026-11-01 (default 30d)",
            metavar="WHEN",
        ),
        flag(
            "--until",
            "end, in the same forms; a day or month is included (default now)",
            metavar="WHEN",
        ),
        flag(
            "--by",
            "group by day, month, model, client or tag; repeatable (default day)",
            choices=("day", "month", "model", "client", "tag"),
            action="append",
            default=[],
        ),
        flag("--tag", "only calls with this label", metavar="NAME"),
        flag("-m --model", "only calls of this client or model", metavar="CLIENT:MODEL"),
    ],
    "output": [
        flag(
            "-o --output",
            "table (default), JSON lines or CSV",
            choices=("table", "json", "csv"),
            default="table",
        ),
        flag(
            "--chart",
            "draw a chart here, or into an SVG or PNG file",
            nargs="?",
            const="-",
            metavar="FILE.svg|png",
        ),
        CONFIG,
        QUIET,
    ],
}

BATCH: dict[str, Group] = {
    "input": [
        MODEL,
        FALLBACK,
        switch("--lines", "read every line as a prompt"),
        switch("--csv", "read CSV with a header; --template uses its columns"),
        flag(
            "--template",
            "prompt of a row with its fields, as in 'Translate to {lang}: {text}'",
            metavar="TEXT",
        ),
        switch("--embed", "embed the rows instead of asking for answers"),
    ],
    "answer": [
        flag(
            "-s --system --prompt",
            "system prompt for rows without one of their own",
            metavar="TEXT",
            dest="prompt",
        ),
        *(row for row in PIPE["answer"] if row[0] != "--show-reasoning"),
    ],
    "output": [
        flag(
            "-o --output", "file to write; a run that is started again continues it", metavar="OUT"
        ),
        switch(
            "--keep",
            "copy the input's fields to each output row; a field whose name clashes is written "
            "as input_NAME",
        ),
        switch("--ordered", "write rows in the order of the input, not as they finish"),
        flag("--summary", "write a summary of the run as JSON", metavar="FILE"),
        switch("--check", "send nothing; count the rows left and what they may cost"),
        *(TAG, NO_LEDGER, QUIET, VERBOSE),
    ],
    "pace": [
        flag(
            "-j --in-flight",
            "number of rows at the same time (default 16)",
            type=whole,
            default=16,
            metavar="N",
        ),
        flag(
            "--rpm", "limit for the whole run, in requests per minute", type=positive, metavar="N"
        ),
        flag("--tpm", "limit for the whole run, in tokens per minute", type=positive, metavar="N"),
        flag("--max-cost", MAX_COST_OF_RUN, type=dollars, metavar="USD"),
        flag("--max-time", "stop the run after this time, in seconds", type=positive, metavar="S"),
        flag("--scheduler", "send the rows from the workers of a Dask cluster", metavar="ADDRESS"),
    ],
    "sending": with_help(
        [row for row in SENDING if row[0] != "--max-cost"],
        "--timeout",
        "limit for each row, all attempts included, in seconds (default 600; for the run: "
        "--max-time)",
    ),
    "configuration": [
        flag(
            "--dry-run",
            "print the request of the first row and send nothing; FORMAT: json (default), curl, or "
            "all for every row",
            choices=("json", "curl", "all"),
            metavar="[=FORMAT]",
        ),
        CONFIG,
    ],
}

PIPE_DOES = (
    "Read a prompt (TEXT, stdin, or both) and print the answer of a language model. By default the "
    "answer is streamed to standard output. Messages and warnings go to standard error."
)
PROMPT = "prompt; stdin is added after a newline (use -n inside `while read` loops)"

COMMANDS: dict[str, Command] = {
    "loki-pipe": Command(
        PIPE_DOES,
        "loki-pipe -m openai 'Summarise in three sentences' < report.txt",
        PIPE,
        "TEXT",
        PROMPT,
    ),
    "loki": Command(
        f"loki-pipe plus setup: configuration, login, secrets, models. {PIPE_DOES}",
        "loki -m openai 'Summarise in three sentences' < report.txt",
        {**PIPE, **ADMINISTRATION},
        "TEXT",
        PROMPT,
    ),
    "loki-embed": Command(
        "Read texts (TEXT, or stdin, one per line) and print one JSON line with a vector per text.",
        "loki-embed -m openai:text-embedding-3-small < titles.txt > vectors.jsonl",
        EMBED,
        "TEXT",
        "texts to embed; without any, the lines of stdin",
    ),
    "loki-rerank": Command(
        "Read documents (stdin, one per line) and print them, the most relevant first.",
        "loki-rerank -m cohere:rerank-v3.5 'how to mend a bicycle' --top 5 < notes.txt",
        RERANK,
        "QUERY",
        "query to rank the documents by",
        "QUERY < DOCUMENTS",
    ),
    "loki-batch": Command(
        "Answer many rows: JSON lines or CSV in, JSON lines out. Started again, a run continues "
        "where it stopped.",
        "loki-batch -m openai:gpt-4.1-mini questions.jsonl -o answers.jsonl",
        BATCH,
        "IN",
        'file with one JSON object per line: "id" and "prompt", or "messages"; without it, stdin',
        "[IN] [-o OUT]",
    ),
    "loki-cost": Command(
        "Report what was spent, from the ledger.",
        "loki-cost --since 7d --by model",
        COST,
    ),
}
