"""loki-cost: flags -> what was spent, from the ledger: a table, JSON lines, CSV or a chart."""

from __future__ import annotations

import os
import shutil
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from returns.result import Result, Success

from loki.cli.console import Console
from loki.cli.startup import environment
from loki.edge.ledger.queries import CallFilter, read_report
from loki.edge.ledger.writer import ledger_path
from loki.json_text import compact
from loki.money.periods import Span, iterate_days, iterate_months, parse_time, zone_name
from loki.money.report import GROUPS, ReportRow, csv_rows, json_row, table
from loki.money.report import sort_rows as report_rows
from loki.problems import Problem, fail

DEFAULT_SINCE = "30d"
MAX_DAYS = 62 * 86400  # seconds; a chart of a longer span has months


def cost(flags: Namespace, console: Console) -> int:
    """Print what was spent; return the exit code."""
    path = ledger_path(environment(flags))
    error_format = "json" if flags.output == "json" else "text"
    report = Result.do(
        (span, rows)
        for _ in check_flags(flags)
        for span in span_of(flags, time.time())
        for rows in query_ledger(path, span, group_by(flags, span), flags)
    )
    if not isinstance(report, Success):
        return console.report(report.failure(), error_format)
    span, rows = report.unwrap()
    if not rows:
        console.warn(describe_nothing(path, span, flags))
    if rows and flags.chart:
        drawn = draw_chart(flags.chart, rows, span, console)
        return 0 if isinstance(drawn, Success) else console.report(drawn.failure(), error_format)
    WRITERS[flags.output](rows, group_by(flags, span), span, console)
    return 0


def check_flags(flags: Namespace) -> Result[None, Problem]:
    """Return the Problem of flags that a chart cannot keep to."""
    other = [kind for kind in flags.by if not GROUPS[kind]]
    if flags.chart and other:
        return fail("usage", f"--chart is by time and model: it cannot be --by {other[0]}")
    if flags.chart and flags.output != "table":
        return fail("usage", f"--chart draws: it cannot be -o {flags.output}")
    return Success(None)


# ---- the query -----------------------------------------------------------------------------------


def span_of(flags: Namespace, now: float) -> Result[Span, Problem]:
    """Return the span from ``--since`` to ``--until``."""
    since, until = DEFAULT_SINCE if flags.since is None else flags.since, flags.until
    start = parse_time(since, now, None).alt(partial(with_flag, "--since"))
    end = Success(now) if until is None else parse_time(until, now, None, last=True)
    span = Result.do(
        Span("", first, last) for first in start for last in end.alt(partial(with_flag, "--until"))
    )
    return span.bind(
        lambda span: (
            Success(span)
            if span.start < span.end
            else fail("usage", f"--since {since} is not before --until {until or 'now'}")
        )
    )


def with_flag(flag: str, problem: Problem) -> Problem:
    """Return a problem with the flag that has it."""
    return Problem(problem.kind, f"{flag}: {problem.message}")


def group_by(flags: Namespace, span: Span) -> list[str]:
    """Return what the report is grouped by; a chart always by time and model."""
    by = list(dict.fromkeys(flags.by))
    if not flags.chart:
        return by or ["day"]
    long = span.end - span.start > MAX_DAYS and "day" not in by
    return ["month" if long or "month" in by else "day", "model"]


def query_ledger(
    path: str, span: Span, by: Sequence[str], flags: Namespace
) -> Result[list[ReportRow], Problem]:
    """Return the rows of the report, in order."""
    client, _, model = (flags.model or "").partition(":")
    wanted = CallFilter(client or None, model or None, flags.tag)
    return read_report(path, span, by, wanted).map(lambda groups: report_rows(groups, by))


def describe_nothing(path: str, span: Span, flags: Namespace) -> str:
    """Return that there are no calls; with what was asked for, where there are others."""
    given = {"--tag": flags.tag, "-m": flags.model}
    asked = " and ".join(f"{name} {value!r}" for name, value in given.items() if value is not None)
    rows = read_report(path, span, ["client"]).value_or([]) if asked else []
    others = f"; without that there are {sum(row.tally.calls for row in rows):,}" if rows else ""
    return f"no calls {asked and f'with {asked} '}{format_span(span)} in {path}{others}"


# ---- the report ----------------------------------------------------------------------------------


def format_span(span: Span) -> str:
    """Return from when to when, in local time.

    >>> format_span(Span("", 0.0, 86400.0)).startswith("from 19")
    True
    """
    start, end = (datetime.fromtimestamp(each).strftime("%Y-%m-%d %H:%M") for each in span[1:])
    return f"from {start} to {end} ({zone_name(span.start, span.end, None)})"


def draw_chart(
    path: str, rows: Sequence[ReportRow], span: Span, console: Console
) -> Result[None, Problem]:
    """Draw a chart into the file of that name, or on stdout if it is a dash."""
    from loki.money.chart import chart

    periods = iterate_days if len(rows[0].keys[0]) == len("2026-11-01") else iterate_months
    names = [period.name for period in periods(span.start, span.end, None)]
    if path == "-":
        from loki.cli.cost.terminal_chart import draw_chart

        console.write(draw_chart(chart(rows, names), format_span(span), console.stdout))
        return Success(None)
    from loki.cli.cost.image import draw_image

    return draw_image(path, chart(rows, names), format_span(span))


def write_table(rows: Sequence[ReportRow], by: Sequence[str], span: Span, console: Console) -> None:
    """Print a table for people; its first and last lines are bold at a terminal."""
    if not rows:
        return
    width = shutil.get_terminal_size().columns if console.stdout_is_terminal else None
    lines = table(rows, by, zone_name(span.start, span.end, None), width)
    if console.stdout_is_terminal and not os.environ.get("NO_COLOR"):
        last = len(rows) + 1
        lines = [bold(line) if i in (0, last) else line for i, line in enumerate(lines)]
    if not any(GROUPS[kind] for kind in by):
        lines.append(format_span(span))
    console.write("".join(f"{line}\n" for line in lines))


def bold(line: str) -> str:
    """Return a line in bold."""
    return f"\x1b[1m{line}\x1b[0m"


def write_json(rows: Sequence[ReportRow], by: Sequence[str], span: Span, console: Console) -> None:
    """Print JSON lines."""
    console.write("".join(f"{compact(json_row(row, by))}\n" for row in rows))


def write_csv(rows: Sequence[ReportRow], by: Sequence[str], span: Span, console: Console) -> None:
    """Print CSV with a header (RFC 4180, but with the line ends of Unix)."""
    from loki.batch.output_format import encode_cells

    console.write("".join(encode_cells(row).decode() for row in csv_rows(rows, by)))


WRITERS: dict[str, Callable[[Sequence[ReportRow], Sequence[str], Span, Console], None]] = {
    "table": write_table,
    "json": write_json,
    "csv": write_csv,
}
