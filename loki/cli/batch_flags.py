"""The flags of loki-batch, in the groups of its help."""

from __future__ import annotations

from loki.cli.flag_types import dollars, duration, positive, whole
from loki.cli.flags import (
    CONFIG,
    ENCODING,
    FALLBACK,
    MAX_COST_OF_RUN,
    MODEL,
    NO_LEDGER,
    PIPE,
    QUIET,
    SENDING,
    SET,
    TAG,
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
        flag(
            "-T --template-file",
            "prompt as a file, filled in with the fields of a row",
            metavar="FILE",
            dest="template_file",
        ),
        SET,
        ENCODING,
        switch("--embed", "embed the rows instead of asking for answers"),
    ],
    "answer": [
        flag(
            "-s --system --prompt",
            "system prompt for rows without one of their own",
            metavar="TEXT",
            dest="prompt",
        ),
        *with_help(
            [row for row in PIPE["answer"] if row[0] not in NOT_FOR_ROWS],
            "--tools",
            "tools to offer to the model (OpenAI format, or the provider's own tools as its manual "
            "writes them); calls are written to the row, not run",
        ),
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
    "batch jobs": [
        switch(
            "--batch-api",
            "send the rows as jobs of the provider's own batch API, at its lower price, and leave; "
            "started again, it collects what is done",
        ),
        flag(
            "--wait",
            "stay until all jobs are done, or for TIME (30m, 6h, 2d)",
            type=duration,
            metavar="[=TIME]",
        ),
        flag(
            "--status",
            "show how the jobs stand, and change nothing; FORMAT: text (default) or json",
            choices=("text", "json"),
            metavar="[=FORMAT]",
        ),
        switch("--cancel", "stop the jobs, then collect what they had done"),
        switch("--again", "ask rows that failed again"),
        flag(
            "--window",
            "time that the provider may take, where it offers a choice (24h to 7d)",
            type=duration,
            metavar="TIME",
        ),
        flag(
            "--forget",
            "give up a job of which nobody knows whether it was created; its rows are asked again",
            metavar="JOB",
        ),
        switch("--remote-delete", "delete files and results at the provider once collected"),
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
