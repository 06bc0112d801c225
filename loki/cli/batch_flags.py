"""The flags of loki-batch, in the groups of its help."""

from __future__ import annotations

from loki.cli.flag_types import dollars, duration, positive, whole
from loki.cli.flags import (
    CACHE,
    CONFIG,
    ENCODING,
    FALLBACK,
    MAX_COST_OF_RUN,
    MODEL,
    NETWORK,
    PIPE,
    QUIET,
    REQUEST,
    SET,
    VERBOSE,
    flag,
    switch,
    with_help,
)

TYPE_CHECKING = False  # typing is not needed to say --help
if TYPE_CHECKING:
    from loki.cli.flags import Group

#: Flags of an answer that a row cannot have: nobody watches it, and it is one request.
NOT_FOR_ROWS = ("--show-reasoning", "--search", "--run-tools", "--max-steps")


def for_rows(part: str) -> Group:
    """Return those flags of a group of loki-pipe that a row can have."""
    return [row for row in PIPE[part] if row[0] not in NOT_FOR_ROWS]


BATCH: dict[str, Group] = {
    "model": [
        MODEL,
        FALLBACK,
        switch("--embed", "compute embeddings of the rows instead of generating answers"),
    ],
    "input": [
        switch("--lines", "read each line of IN as a prompt"),
        switch("--csv", "read IN as CSV with a header; --template uses its columns"),
        ENCODING,
    ],
    "prompt": [
        flag(
            "--template",
            "prompt for each row, as text; {name} is replaced by the row's field, e.g. "
            "'Translate to {lang}: {text}' (to read it from a file: -T)",
            metavar="TEXT",
        ),
        flag(
            "-T --template-file",
            "file with the prompt template of every row, filled in with the row's fields; may "
            "start with settings (front matter)",
            metavar="FILE",
            dest="template_file",
        ),
        SET,
        flag(
            "-s --system --prompt",
            "system prompt for rows without one of their own (--prompt is an older name of "
            "--system)",
            metavar="TEXT",
            dest="prompt",
        ),
    ],
    "generation": for_rows("generation"),
    "tools": with_help(
        for_rows("tools"),
        "--tools",
        "tool definitions, in OpenAI format or (for the provider's built-in tools) the provider's "
        "own; tool calls are written to the output row, not run",
    ),
    "output": [
        flag(
            "-o --output",
            "output file, CSV if it is named .csv; if it already exists, the run resumes from it",
            metavar="OUT",
        ),
        switch(
            "--keep",
            "copy the input's fields to each output row (CSV output always includes them); a field "
            "whose name clashes is written as input_NAME",
        ),
        switch(
            "--ordered",
            "rows in the order of the input, not as they finish; OUT is sorted when the run ends",
        ),
        flag("--summary", "write a summary of the run as JSON", metavar="FILE"),
        QUIET,
        VERBOSE,
    ],
    "limits and concurrency": [
        flag(
            "-j --in-flight",
            "number of rows sent at the same time (default 16)",
            type=whole,
            default=16,
            metavar="N",
        ),
        flag(
            "--rpm",
            "rate limit in requests per minute, for all rows together",
            type=positive,
            metavar="N",
        ),
        flag(
            "--tpm",
            "rate limit in tokens per minute, for all rows together",
            type=positive,
            metavar="N",
        ),
        flag(
            "--max-time",
            "stop sending new rows after S seconds",
            type=positive,
            metavar="S",
        ),
        flag(
            "--scheduler",
            "address of a Dask scheduler; its workers send the requests",
            metavar="ADDRESS",
        ),
    ],
    "cost": [
        flag("--max-cost", MAX_COST_OF_RUN, type=dollars, metavar="USD"),
        CACHE,
        flag(
            "--tag",
            "label of the run in the ledger (the local record of calls that loki-cost reads)",
            default="",
            metavar="NAME",
        ),
        switch("--no-ledger", "do not record the run in the ledger"),
    ],
    "provider batch API": [
        switch(
            "--batch-api",
            "submit the rows to the provider's batch API (lower price) and exit; run the same "
            "command again to collect finished results",
        ),
        flag(
            "--wait",
            "wait until all jobs are finished, or at most TIME (30m, 6h, 2d)",
            type=duration,
            metavar="[=TIME]",
        ),
        flag(
            "--status",
            "print the status of the jobs; send and collect nothing; FORMAT: text (default) or "
            "json",
            choices=("text", "json"),
            metavar="[=FORMAT]",
        ),
        switch("--cancel", "cancel the jobs, then collect the results already finished"),
        switch("--again", "with --batch-api: send the rows that failed once more"),
        flag(
            "--window",
            "completion window to request, where the provider offers a choice (24h to 7d)",
            type=duration,
            metavar="TIME",
        ),
        flag(
            "--forget",
            "stop tracking JOB and send its rows again, if loki could not determine whether the "
            "provider created JOB; if it did, the rows are billed twice",
            metavar="JOB",
        ),
        switch("--remote-delete", "delete files and results at the provider once collected"),
    ],
    "network": with_help(
        with_help(
            NETWORK,
            "--timeout",
            "limit for each row, retries and fallbacks included, in seconds (default 600; use "
            "--max-time to limit the whole run)",
        ),
        "--max-wait",
        "longest Retry-After delay to honour, in seconds (default 60); if a server asks for more, "
        "the run ends with code 75, after the rows of other models",
    ),
    "request": REQUEST,
    "inspection": [
        switch("--check", "send nothing; print how many rows are left and their maximum cost"),
        flag(
            "--dry-run",
            "print the request of the first row and send nothing; FORMAT: json (default), curl, or "
            "all for every row",
            choices=("json", "curl", "all"),
            metavar="[=FORMAT]",
        ),
    ],
    "configuration": [CONFIG],
}
