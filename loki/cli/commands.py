"""Table of the commands: what each does, its example, and the flags of its own."""

from __future__ import annotations

from loki.cli.admin_flags import ADMINISTRATION
from loki.cli.batch_flags import BATCH
from loki.cli.flag_types import between, whole
from loki.cli.flags import (
    CONFIG,
    ENCODING,
    INSPECTION,
    MAX_COST_OF_RUN,
    MODEL,
    NO_LEDGER,
    PIPE,
    QUIET,
    SENDING,
    TAG,
    VERBOSE,
    flag,
    switch,
    with_help,
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
        ENCODING,
        switch("--chunk", "split long texts to the chunk size of the model"),
        flag(
            "-f --file",
            "read the texts from files, one per line",
            nargs="+",
            action="extend",
            default=[],
            metavar="FILE",
        ),
    ],
    "output": [
        flag(
            "--into",
            "put texts and vectors into a store, a folder for loki-search; print nothing",
            metavar="STORE",
        ),
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

SEARCH: dict[str, Group] = {
    "search": [
        flag(
            "-m --model",
            "model to use for QUERY (default: the model of STORE)",
            metavar="CLIENT:MODEL",
        ),
        flag("--top", "print the N nearest (default 10)", type=whole, default=10, metavar="N"),
        flag(
            "--min-score",
            "print only texts with this cosine similarity or more, -1 to 1",
            type=between(-1, 1),
            metavar="X",
        ),
        switch("-0 --null", "read queries and print texts that end with NUL instead of a newline"),
        ENCODING,
        switch("--info", "print the model, size and age of STORE"),
    ],
    "output": [
        flag(
            "-o --output",
            "the texts (default), or JSON lines with score, id, source and line",
            choices=("text", "json"),
            default="text",
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
        ENCODING,
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
            "start: 24h, 7d, 2w, today, yesterday, 2026-11 or 2026-11-01 (default 30d)",
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
    "loki-search": Command(
        "Print the texts of a store that are nearest to a query; loki-embed --into makes stores.",
        "loki-search notes 'how to mend a bicycle' --top 5",
        SEARCH,
        "STORE",
        "folder of the store, then QUERY; without QUERY, the lines of stdin",
        "STORE [QUERY]",
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
