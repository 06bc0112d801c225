"""Results -> rows, counts, and when to stop: what loki-batch knows of its run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from returns.result import Result, Success

from loki.batch.done_rows import HashSet, row_identity
from loki.batch.kept_fields import kept_fields
from loki.batch.row_files import ANSWERED, IN_JOB, has_unread_files
from loki.batch.rows import InvalidRow, Row
from loki.batch.run_key import recognize
from loki.cli.batch.row_line import billed_facts, error_json, may_be_billed
from loki.cli.batch.shared_failure import SharedFailures
from loki.edge.auth.find_secrets import redact_reply_facts
from loki.edge.batch.cost_limit import TOO_DEAR
from loki.edge.batch.output import Output, write_error
from loki.edge.batch.rate_limiter import STOPPED
from loki.json_text import JsonObject
from loki.problems import Kind, Problem, count_that_are
from loki.record import replace
from loki.redaction.redactor import Redactor
from loki.usage import COUNTS


class RunState:
    """How far a run is."""

    def __init__(
        self,
        out: Output,
        in_flight: int,
        model: str | None,
        redactor: Redactor,
        warn: Callable[[str], None] = lambda message: None,
        expected: Problem | None = None,
        has_patches: bool = False,
    ) -> None:
        self.redactor, self.warn = redactor, warn
        self.say = warn  # what -q does not hide
        self.has_patches = has_patches  # on the command line
        self.out, self.shared = out, SharedFailures(model, in_flight, expected)
        self.started = time.monotonic()
        self.recognized = 0  # rows of earlier runs that only their attachments told
        self.cut_off = 0  # calls under way when the run was left
        self.unsent = 0  # rows that were read, and not sent because the run ended
        self.good = self.skipped = self.repeated = 0
        self.cut_short = 0  # of the good ones: answers that reached the limit of their length
        self.failed: Counter[Kind] = Counter()
        self.tokens: Counter[str] = Counter()
        self.cost, self.unpriced = Decimal(0), 0
        self.too_dear = 0  # rows of which each alone could pass --max-cost
        self.last: Problem | None = None  # of the rows that failed
        self.fatal: Problem | None = None  # why the run ends early
        self.over: Problem | None = None  # what --max-cost has no room for
        self.asked, self.ids, self.left_out = HashSet(), HashSet(), HashSet()
        self.away: HashSet | None = None  # rows that are out as batch jobs
        self.out_rows = 0
        self.notes: list[str] = []
        self.unsorted: Problem | None = None  # why OUT is not in the order of the input
        self.is_changed = False  # the command, since the rows that OUT has were asked

    # ---- before sending

    def skip_rows_in_jobs(self) -> Problem | None:
        """Leave rows alone that are out as batch jobs; return why nobody knows which these are."""
        from loki.edge.batch.api.journal_file import rows_in_open_jobs

        away = rows_in_open_jobs(self.out.path)
        self.away = away.value_or(None)
        return None if isinstance(away, Success) else away.failure()

    def pending(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows that are still to be asked."""
        for read in rows:
            row = recognize(read, self.is_settled)
            self.note_earlier_key(row is not read)
            identity = "" if isinstance(row, InvalidRow) else row_identity(row.id, row.key)
            if isinstance(row, InvalidRow):
                yield row
            elif identity in self.out.done:
                self.skipped += 1
            elif self.away is not None and identity in self.away:
                self.out_rows += 1
            elif not self.asked.add(identity):
                self.repeated += 1
                self.note(f"line {row.line} asks the same as an earlier one of its id, {row.id!r}")
            else:
                if not self.ids.add(str(row.id)):
                    self.note(f"line {row.line}: id {row.id!r} again; its key tells it apart")
                if not has_unread_files(row.ask):  # earlier versions made their keys otherwise
                    self.compare_with_earlier(row.line, identity)
                yield row

    def is_settled(self, identity: str) -> bool:
        """Return whether a row was answered, or is out as part of a batch job."""
        return identity in self.out.done or (self.away is not None and identity in self.away)

    def note_earlier_key(self, has_one: bool) -> None:
        """Warn once of a row that may have been asked with other parameters than those given."""
        if has_one and self.has_patches and not self.is_changed:
            self.is_changed = True
            self.warn(
                "rows that an earlier version answered stay as they are, "
                "though it may have asked them with another --param or --patch"
            )

    def compare_with_earlier(self, line: int, identity: str) -> None:
        """Warn once, before it is paid again, of a line that was asked otherwise before."""
        if not self.is_changed and self.out.earlier.first.get(line, identity) != identity:
            self.is_changed = True
            self.warn(
                f"line {line} was asked before with another id, model, prompt or setting: "
                "such rows are asked again, and the earlier answers stay"
            )

    def note(self, words: str) -> None:
        """Keep a note for the end; the first five of all."""
        self.notes = [*self.notes, words][:5]

    # ---- after sending

    def add(self, group: Iterable[tuple[Row, Result[JsonObject, Problem]]]) -> None:
        """Count some rows, and write their lines."""
        lines = [self.encode_line(row, result) for row, result in group]
        self.out.write(b"".join(lines))
        self.check_output()

    def check_output(self) -> None:
        """End the run where its output takes no more rows, or has lost some."""
        if self.out.full and not self.fatal:
            self.fatal = write_error(self.out)

    def encode_line(self, row: Row, result: Result[JsonObject, Problem]) -> bytes:
        """Count a row; its line, if it has one."""
        if isinstance(result, Success):
            self.good += 1
            self.shared.record_answer()
            line = {**self.line_head(row), **redact_reply_facts(result.unwrap(), self.redactor)}
            self.cut_short += line.get("finish") == "length"
            self.add_usage_and_cost(line)
        else:
            problem = result.failure()
            if self.is_left_out(row, problem):
                return b""
            self.failed[problem.kind] += 1
            self.last = problem
            line = {**self.line_head(row), "error": error_json(problem, self.redactor)}
            line.update(billed_facts(problem))
            if may_be_billed(problem) or problem.cost:
                self.add_usage_and_cost(line)
        return self.out.form.encode(line)

    def is_left_out(self, row: Row, problem: Problem) -> bool:
        """Return whether a row has no line, for it is asked when the run goes on, or has one."""
        self.unsent += problem.code == STOPPED.code
        is_over = problem.code == STOPPED.code or self.is_known(problem)
        return is_over or self.is_fatal(row, problem)

    def is_known(self, problem: Problem) -> bool:
        """Count a row that an earlier run asked under another key; return whether it did."""
        self.skipped += problem.code == ANSWERED.code
        self.out_rows += problem.code == IN_JOB.code
        is_known = problem.code in (ANSWERED.code, IN_JOB.code)
        self.recognized += is_known
        return is_known

    def line_head(self, row: Row) -> JsonObject:
        """Return what a line begins with: which row it is, and its own fields with ``--keep``."""
        fields = kept_fields(row)
        if (columns := self.out.form.columns) is not None and not fields.keys() <= columns:
            self.note_fields_left_out(row.line, fields.keys() - columns)
        return {"id": row.id, "line": row.line, "key": row.key, **fields}

    def note_fields_left_out(self, line: int, names: Iterable[str]) -> None:
        """Keep a note for each field that an output in CSV has no column for; once."""
        for name in sorted(name for name in names if self.left_out.add(name)):
            self.note(f"line {line}: {self.out.path} has no column for {name!r}: it is left out")

    def add_usage_and_cost(self, line: JsonObject) -> None:
        """Add up what an answer took, also one that was no good."""
        for name, number in line.get("usage", {}).items():
            self.tokens[name] += number or 0
        if line.get("cost") is None:
            self.unpriced += 1
        else:
            self.cost += Decimal(str(line["cost"]))

    def is_fatal(self, row: Row, problem: Problem) -> bool:
        """Return whether a row has no line because the run ends: the others would fail alike."""
        if problem.code == TOO_DEAR:
            self.too_dear += 1
            return False
        if self.shared.concerns_all(row, problem, bool(self.good or self.skipped)):
            self.fatal = self.fatal or problem
        return self.fatal is not None and problem.kind == self.fatal.kind

    # ---- telling

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    @property
    def rows_done(self) -> int:
        """Rows that were answered or failed."""
        return self.good + sum(self.failed.values())

    @property
    def rows_settled(self) -> int:
        """Rows of which nothing is left to do, of those that ``pending`` gave."""
        return self.rows_done + self.recognized

    @property
    def unknown_costs(self) -> int:
        """Calls that may have cost something, and nobody knows how much."""
        return self.unpriced + self.cut_off

    @property
    def is_all_too_dear(self) -> bool:
        """Return whether nothing could be sent within --max-cost."""
        return self.too_dear > 0 and self.rows_done == self.too_dear and not self.skipped

    def problem(self) -> Problem | None:
        """Return why the run has not sent all that it could, None if it has."""
        if self.fatal or self.over or not (self.is_all_too_dear and self.last):
            return self.fatal or self.over
        return replace(self.last, message=f"no row was sent, the last because {self.last.message}")

    def summary(self, why: str, left: int | None) -> JsonObject:
        """Return how it went, for programs: why it ended early, and how many rows are left."""
        return {
            "good": self.good,
            "failed": dict(self.failed),
            "skipped": self.skipped,
            "failed_before": self.out.earlier.failed + self.out.earlier.replaced,
            "cost_before": float(self.out.earlier.cost),
            "unknown_costs_before": self.out.earlier.unknown_costs,
            "repeated": self.repeated,
            "seconds": round(self.seconds, 3),
            "usage": {name: self.tokens[name] for name in COUNTS},
            "cost": None if self.unknown_costs else float(self.cost),
            "cost_at_least": float(self.cost),
            "unknown_costs": self.unknown_costs,
            "left": left,
            "ended": self.fatal.kind if self.fatal else why or None,
        }

    def summary_text(self) -> str:
        """How it went, for people."""
        failed = ", ".join(f"{number:,} {kind}" for kind, number in self.failed.most_common())
        rate = self.rows_done / max(self.seconds, 0.001)
        cut = f" ({self.cut_short:,} cut off at the limit of length)" if self.cut_short else ""
        parts = [
            f"{self.good:,} answered{cut}",
            f"{sum(self.failed.values()):,} failed ({failed})" if failed else "",
            f"{self.skipped:,} answered before" if self.skipped else "",
            self.describe_earlier(),
            f"{self.repeated:,} repeated" if self.repeated else "",
            f"{self.out_rows:,} out as batch jobs" if self.out_rows else "",
            f"{self.seconds:,.1f} s",
            f"{rate:,.1f} rows/s",
            f"{self.tokens['input'] + self.tokens['output']:,} tokens",
            self.describe_cost(),
        ]
        return " · ".join(filter(None, parts))

    def describe_earlier(self) -> str:
        """Return what failures of earlier runs cost, in words; empty if they cost nothing."""
        earlier = self.out.earlier
        if not earlier.cost and not earlier.unknown_costs:
            return ""
        cost = describe_cost(earlier.cost, earlier.unknown_costs)
        return f"{earlier.failed + earlier.replaced:,} failed before, for {cost}"

    def describe_rows_in_jobs(self) -> str:
        """Return that rows were left alone because they are out as batch jobs."""
        rows = count_that_are(self.out_rows, "row")
        return f"{rows} out as batch jobs; --batch-api collects them"

    def describe_cost(self) -> str:
        """What it cost, as far as anybody knows."""
        return describe_cost(self.cost, self.unknown_costs)


def describe_cost(cost: Decimal, unknown: int) -> str:
    """Return what calls cost, some of which are unknown.

    >>> describe_cost(Decimal("0.0400"), 0), describe_cost(Decimal(0), 2)
    ('$0.04', '≥ $0 (2 of unknown cost)')
    """
    known = f"${cost.normalize():f}"
    return f"≥ {known} ({unknown:,} of unknown cost)" if unknown else known
