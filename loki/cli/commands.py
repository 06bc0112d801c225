"""Table of the commands: what each does, its example, and the flags of its own."""

from __future__ import annotations

from loki.cli.admin_flags import ADMINISTRATION
from loki.cli.batch_flags import BATCH
from loki.cli.flag_types import between, whole
from loki.cli.flags import (
    CONFIGURATION,
    ENCODING,
    INSPECTION,
    MAX_COST_OF_RUN,
    MODEL,
    NETWORK,
    PIPE,
    QUIET,
    REQUEST,
    SPENDING,
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
        second_text: tuple[str, str] = ("", ""),
    ) -> None:
        self.description = description
        self.example = example
        self.groups = groups
        self.text_name = text_name
        self.text_help = text_help
        self.usage = usage or (f"[{text_name}…]" if text_name else "")
        self.second_text = second_text  # name and help of what follows the first TEXT


SHARED: dict[str, Group] = {
    "cost": with_help(SPENDING, "--max-cost", MAX_COST_OF_RUN),
    "network": with_help(
        NETWORK,
        "--timeout",
        "limit for the whole call, retries included, in seconds (default 600)",
    ),
    "request": REQUEST,
    "inspection": INSPECTION,
    "configuration": CONFIGURATION,
}

EMBED: dict[str, Group] = {
    "model": [
        MODEL,
        flag(
            "--task",
            "what the texts are: query or document (some models embed them differently)",
            choices=("query", "document"),
            metavar="TASK",
        ),
        flag(
            "--dimensions",
            "number of dimensions of the vectors, where the model lets you choose",
            type=whole,
            metavar="N",
        ),
    ],
    "input": [
        switch("--jsonl", 'read JSON lines with "id" and "text"'),
        switch("-0 --null", "input texts are terminated by NUL instead of newline"),
        switch("--whole", "treat all of stdin as one text"),
        ENCODING,
        switch(
            "--chunk", "split texts longer than the model's chunk size; each piece gets a vector"
        ),
        flag(
            "-f --file",
            "read texts from FILEs, one text per line",
            nargs="+",
            action="extend",
            default=[],
            metavar="FILE",
        ),
    ],
    "output": [
        flag(
            "--into",
            "save texts and vectors in folder STORE, for loki-search, instead of printing them",
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
            "number of requests sent at the same time (default 4)",
            type=whole,
            default=4,
            metavar="N",
        ),
        QUIET,
        VERBOSE,
    ],
    **SHARED,
}

SEARCH: dict[str, Group] = {
    "model": [
        flag(
            "-m --model",
            "model that embeds QUERY (default: the model of STORE)",
            metavar="CLIENT:MODEL",
        ),
    ],
    "input": [
        switch("-0 --null", "queries and output texts are terminated by NUL instead of newline"),
        ENCODING,
    ],
    "output": [
        flag("--top", "print the N nearest (default 10)", type=whole, default=10, metavar="N"),
        flag(
            "--min-score",
            "print only texts with this cosine similarity or more, -1 to 1",
            type=between(-1, 1),
            metavar="X",
        ),
        flag(
            "-o --output",
            "the texts (default), or JSON lines with score, id, source and line",
            choices=("text", "json"),
            default="text",
        ),
        QUIET,
        VERBOSE,
    ],
    **SHARED,
    "inspection": [switch("--info", "print the model, size and age of STORE"), *INSPECTION],
}

RERANK: dict[str, Group] = {
    "model": [MODEL],
    "input": [
        switch("--jsonl", 'read JSON lines with "id" and "text"'),
        switch("-0 --null", "input and output documents are terminated by NUL instead of newline"),
        ENCODING,
    ],
    "output": [
        flag("--top", "print only the N best documents", type=whole, metavar="N"),
        flag(
            "-o --output",
            "the documents (default), or JSON lines with their scores",
            choices=("text", "json"),
            default="text",
        ),
        QUIET,
        VERBOSE,
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
            "end, in the same forms as --since; a day or month named here is included in full "
            "(default now)",
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
        flag("-m --model", "only calls to this client or model", metavar="CLIENT:MODEL"),
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
            "draw a chart in the terminal, or write it to an SVG or PNG file",
            nargs="?",
            const="-",
            metavar="FILE.svg|FILE.png",
        ),
        QUIET,
    ],
    "configuration": CONFIGURATION,
}

PIPE_DOES = (
    "Read a prompt (TEXT, stdin, or both) and print the answer of a language model. By default the "
    "answer is streamed to standard output. Messages and warnings go to standard error."
)
PROMPT = "prompt; anything on stdin is appended on a new line (see -n)"

COMMANDS: dict[str, Command] = {
    "loki-pipe": Command(
        PIPE_DOES,
        "loki-pipe -m openai 'Summarise in three sentences' < report.txt",
        PIPE,
        "TEXT",
        PROMPT,
    ),
    "loki": Command(
        f"{PIPE_DOES} loki does everything that loki-pipe does, and also sets up configuration, "
        "logins, secrets and models.",
        "loki -m openai 'Summarise in three sentences' < report.txt",
        {**PIPE, **ADMINISTRATION},
        "TEXT",
        PROMPT,
    ),
    "loki-embed": Command(
        "Embed texts (TEXT, or the lines of stdin) and print one JSON line per text, with its "
        "vector.",
        "loki-embed -m openai:text-embedding-3-small < titles.txt > vectors.jsonl",
        EMBED,
        "TEXT",
        "text to embed, repeatable; if none is given, each line of stdin is a text",
    ),
    "loki-rerank": Command(
        "Read documents (one per line of stdin) and print them, the most relevant to QUERY first.",
        "loki-rerank -m cohere:rerank-v3.5 'how to mend a bicycle' --top 5 < notes.txt",
        RERANK,
        "QUERY",
        "query to rank the documents by",
        "QUERY < DOCUMENTS",
    ),
    "loki-search": Command(
        "Print the texts in a store that are nearest in meaning to a query.",
        "loki-search notes 'how to mend a bicycle' --top 5",
        SEARCH,
        "STORE",
        "folder made by loki-embed --into",
        "STORE [QUERY]",
        ("QUERY", "text to search for; without it, each line of stdin is a query"),
    ),
    "loki-batch": Command(
        "Send one prompt per row to a model and write the answers, as JSON lines or CSV. To resume "
        "an interrupted run, start it again with the same output file.",
        "loki-batch -m openai:gpt-4.1-mini questions.jsonl -o answers.jsonl",
        BATCH,
        "IN",
        'JSON lines file; each object has "id" and either "prompt" or "messages" (other formats: '
        "--csv, --lines); default: stdin",
        "[IN] [-o OUT]",
    ),
    "loki-cost": Command(
        "Report what was spent, from the ledger: loki's local record of calls.",
        "loki-cost --since 7d --by model",
        COST,
    ),
}
