"""loki-batch --batch-api --check: the jobs that rows would make, and what they may cost."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from returns.result import Success

from loki.batch.done_rows import HashSet, row_identity
from loki.batch.read_rows import read_rows
from loki.batch.row_files import ANSWERED, IN_JOB, find_among, read_files
from loki.batch.rows import InvalidRow
from loki.batch.rows import ReadyRow as Asking
from loki.batch.run_key import recognize
from loki.cli.batch.context import BatchContext
from loki.edge.batch.api.body import draft_row_body, without_credentials
from loki.edge.batch.api.job_draft import SHARE, batch_worst_cost
from loki.edge.batch.api.journal_file import rows_in_open_jobs
from loki.edge.batch.api.session import Service
from loki.edge.batch.output import read_existing
from loki.json_text import compact
from loki.money.batch_tier import BatchRates
from loki.pipeline import Env
from loki.price import format_dollars
from loki.records import Task
from loki.stages.check_max_cost import patched_worst_cost
from loki.stages.parse_vectors import add_costs


class Count:
    """What rows come to, if they were sent as jobs and if one by one."""

    def __init__(self) -> None:
        self.rows = self.bytes = self.bad = self.done = self.out = 0
        self.jobs: Counter[str] = Counter()
        self.filled: dict[str, tuple[int, int]] = {}  # rows and bytes of the job being filled
        self.worst: Decimal | None = Decimal(0)  # US dollars
        self.usual: Decimal | None = Decimal(0)

    def add(
        self, service: Service, size: int, worst_cost: Decimal | None, usual_cost: Decimal | None
    ) -> None:
        """Count a row."""
        name, protocol = service.target.name, service.protocol
        number, filled = self.filled.get(name, (0, 0))
        most = min(protocol.max_rows, protocol.max_inputs or protocol.max_rows)
        is_full = number >= most or filled + size > protocol.max_bytes * SHARE
        if not number or is_full:
            self.jobs[name] += 1
            number, filled = 0, 0
        self.filled[name] = number + 1, filled + size
        self.rows, self.bytes = self.rows + 1, self.bytes + size
        self.worst = add_costs([self.worst, worst_cost])
        self.usual = add_costs([self.usual, usual_cost])

    def format_counts(self) -> str:
        """Return the count for people."""
        jobs = sum(self.jobs.values())
        parts = [
            f"{self.rows:,} left in {jobs:,} job{'s' * (jobs != 1)} ({self.bytes / 1e6:,.1f} MB)",
            self.format_price(),
            f"{self.out:,} out" if self.out else "",
            f"{self.done:,} done before" if self.done else "",
            f"{self.bad:,} that no job can have" if self.bad else "",
        ]
        return " · ".join(filter(None, parts))

    def format_price(self) -> str:
        """Return the worst case at the batch price, beside the usual one."""
        if self.worst is None:
            return "at a price nobody knows: give --max-tokens, or prices in the configuration"
        usual = f" (one by one ${self.usual.normalize():f})" if self.usual is not None else ""
        return f"at most ${self.worst.normalize():f}{usual}"


def print_job_count(context: BatchContext, rescue: str) -> int:
    """Print what is left and what it may cost; nothing is sent and nothing is written.

    ``rescue`` is the folder that keeps rows which an output did not take.
    """
    flags = context.flags
    stands, away = (
        read_existing(flags.output, rescue, context.output_format),
        rows_in_open_jobs(flags.output),
    )
    for each in (stands, away):
        if not isinstance(each, Success):
            return context.console.report(each.failure())
    count, asked = Count(), HashSet()
    find_earlier = find_among(stands.unwrap().done, away.unwrap())
    env = without_credentials(context.env)
    task: Task = "embedding" if context.defaults.embed else "chat"
    for read in read_rows(context.defaults, context.inputs.lines):
        row = recognize(read, lambda mark: find_earlier(mark) is not None)
        known = row_identity(row.id, row.key if isinstance(row, Asking) else f"line:{row.line}")
        why = find_earlier(known)
        if why is None and asked.add(known):
            whole = read_files(context.defaults, find_earlier, row)
            why = whole.problem if isinstance(whole, InvalidRow) else None
            if why not in (ANSWERED, IN_JOB):
                count_row(count, whole if isinstance(whole, Asking) else None, env, task)
        count.out += why is IN_JOB
        count.done += why is ANSWERED
    context.console.write(count.format_counts() + "\n")
    over = flags.max_cost is not None and (count.worst is None or count.worst > flags.max_cost)
    if over:
        context.console.warn(f"that is over --max-cost {format_dollars(flags.max_cost)}")
    return 0


def count_row(count: Count, row: Asking | None, env: Env, task: Task) -> None:
    """Count a row that is left."""
    drafted = draft_row_body(env, task, row) if row is not None else None
    if row is None or drafted is None or not isinstance(drafted, Success):
        count.bad += 1
        return
    service, body, patches = drafted.unwrap()
    size = len(compact(body)) + 120
    rates = BatchRates(service.target.model.price, service.protocol.discount)
    worst = batch_worst_cost(service.target, rates, row, patches)
    count.add(service, size, worst, patched_worst_cost(service.target, row.patches(patches)))
