"""loki-cost: flags -> what was spent by the ledger, as a table, JSON lines, CSV or a chart."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from returns.result import Result, Success

from loki.cli import console
from loki.cli.startup import environment, failed
from loki.edge.ledger.queries import Wanted, sums
from loki.edge.ledger.writer import path_of
from loki.money.periods import Span, days, moment, months, zone_name
from loki.money.report import GROUPS, Row, csv_rows, json_row, rows, table
from loki.problems import Problem, fail
from loki.railway import gather

DEFAULT_SINCE = "30d"
MANY = 62 * 86400  # seconds; a chart of more than that has months


def cost(prog: str, flags: Namespace) -> int:
    """Tell what was spent; the exit code."""
    path = path_of(environment(flags))
    form = "json" if flags.output == "json" else "text"
    asked = span_of(flags, time.time())
    found = asked.bind(lambda span: look_up(path, span, by_of(flags, span), flags))
    if not isinstance(found, Success):
        return failed(prog, found.failure(), form)
    told, span = found.unwrap(), asked.unwrap()
    if not told and not flags.quiet:
        console.talk(f"{prog}: no calls {stretch(span)} in {path}")
    if told and flags.chart:
        drawn = chart(flags.chart, told, span)
        return 0 if isinstance(drawn, Success) else failed(prog, drawn.failure(), form)
    WRITERS[flags.output](told, by_of(flags, span), span)
    return 0


# ---- what is asked -----------------------------------------------------------------------------


def span_of(flags: Namespace, now: float) -> Result[Span, Problem]:
    """From --since to --until."""
    since, until = DEFAULT_SINCE if flags.since is None else flags.since, flags.until
    start = moment(since, now, None).alt(partial(blame, "--since"))
    end = Success(now) if until is None else moment(until, now, None, last=True)
    ends = gather((start, end.alt(partial(blame, "--until"))))
    return ends.bind(
        lambda ends: (
            Success(Span("", *ends))
            if ends[0] < ends[1]
            else fail("usage", f"--since {since} is not before --until {until or 'now'}")
        )
    )


def blame(flag: str, problem: Problem) -> Problem:
    """Say which flag has the wrong words."""
    return Problem(problem.kind, f"{flag}: {problem.message}")


def by_of(flags: Namespace, span: Span) -> list[str]:
    """What the report is by; a chart is by time and model."""
    by = list(dict.fromkeys(flags.by))
    if not flags.chart:
        return by or ["day"]
    long = span.end - span.start > MANY and "day" not in by
    return ["month" if long or "month" in by else "day", "model"]


def look_up(
    path: str, span: Span, by: Sequence[str], flags: Namespace
) -> Result[list[Row], Problem]:
    """The rows that the ledger has, in order."""
    client, _, model = (flags.model or "").partition(":")
    wanted = Wanted(client or None, model or None, flags.tag)
    return sums(path, span, by, wanted).map(lambda found: rows(found, by))


# ---- what is told ------------------------------------------------------------------------------


def stretch(span: Span) -> str:
    """From when to when, on the clock of this machine.

    >>> stretch(Span("", 0.0, 86400.0)).startswith("from 19")
    True
    """
    start, end = (datetime.fromtimestamp(each).strftime("%Y-%m-%d %H:%M") for each in span[1:])
    return f"from {start} to {end} ({zone_name(span.start, span.end, None)})"


def chart(path: str, told: Sequence[Row], span: Span) -> Result[None, Problem]:
    """A chart in the file of that name, or here if it is a dash."""
    from loki.money.chart import chart as charted

    spread = days if len(told[0].keys[0]) == len("2026-11-01") else months
    names = [each.name for each in spread(span.start, span.end, None)]
    if path == "-":
        from loki.cli.cost.terminal_chart import draw

        console.out(draw(charted(told, names), stretch(span)))
        return Success(None)
    from loki.cli.cost.image import paint

    return paint(path, charted(told, names), stretch(span))


def write_table(told: Sequence[Row], by: Sequence[str], span: Span) -> None:
    """A table for people; its first and last lines stand out at a terminal."""
    if not told:
        return
    lines = table(told, by, zone_name(span.start, span.end, None))
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        lines = [
            f"\x1b[1m{line}\x1b[0m" if i in (0, len(told) + 1) else line
            for i, line in enumerate(lines)
        ]
    if not any(GROUPS[kind] for kind in by):
        lines.append(stretch(span))
    console.out("".join(f"{line}\n" for line in lines))


def bold(line: str) -> str:
    """A line that stands out."""
    return f"\x1b[1m{line}\x1b[0m"


def write_json(told: Sequence[Row], by: Sequence[str], span: Span) -> None:
    """JSON lines."""
    console.out("".join(f"{console.compact(json_row(row, by))}\n" for row in told))


def write_csv(told: Sequence[Row], by: Sequence[str], span: Span) -> None:
    """CSV, its first line the names (RFC 4180, but with the line ends of this system)."""
    import csv
    from io import StringIO

    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(csv_rows(told, by))
    console.out(text.getvalue())


WRITERS: dict[str, Callable[[Sequence[Row], Sequence[str], Span], None]] = {
    "table": write_table,
    "json": write_json,
    "csv": write_csv,
}
