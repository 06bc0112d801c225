"""loki-batch --check: what is left to do, and what it may cost."""

from __future__ import annotations

from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING

from returns.result import Success

from loki.batch.done_rows import HashSet
from loki.batch.read_rows import read_rows
from loki.batch.row_files import find_among, read_files
from loki.batch.rows import InvalidRow, ReadyRow
from loki.cli.batch.run_state import RunState
from loki.edge.batch.output import read_existing
from loki.money.estimate import cost_at_most, max_output, max_usage
from loki.record import replace
from loki.records import Config, Patch, Target, Task
from loki.stages.check_max_cost import LONGEST, PRICE, explain_unknown_cost, patched_worst_cost
from loki.stages.patch import changes_of, patches_for
from loki.stages.resolve import resolve
from loki.stages.suggest_client import describe_misspelling

if TYPE_CHECKING:
    from loki.cli.batch.context import BatchContext


def print_count(context: BatchContext, rescue: str) -> int:
    """What is left, and what it may cost; nothing is sent and nothing is written.

    ``rescue`` is the folder that keeps rows which an output did not take.
    """
    flags, plan = context.flags, context.defaults
    stands = read_existing(flags.output, rescue, context.output_format)
    if not isinstance(stands, Success):
        return context.console.report(stands.failure())
    console = context.console
    run = RunState(
        stands.unwrap(),
        flags.in_flight,
        plan.ask.model,
        console.redactor,
        console.warn,
        has_patches=bool(context.env.patches),
    )
    task: Task = "embedding" if plan.embed else "chat"
    left, bad, worst = 0, 0, [Decimal(0)]
    longest = 0  # of the answers that the worst case is mostly for
    lacks: dict[str, str] = {}  # each once, with the first row that it is of
    find_earlier = find_among(run.out.done)
    for each in run.pending(read_rows(plan, context.inputs.lines)):
        row = read_files(plan, find_earlier, each)
        if isinstance(row, InvalidRow) and run.is_known(row.problem):
            continue
        target = (
            None
            if isinstance(row, InvalidRow)
            else resolve(context.env.config, task)(row.ask).value_or(None)
        )
        if target is None:
            bad += 1
            continue
        left += 1
        assert isinstance(row, ReadyRow)
        patches = row.patches(context.env.patches)
        most = patched_worst_cost(target, patches)
        worst = [amount + most for amount in worst if most is not None]
        if (target.model.max_output_tokens or 0) > longest:
            longest = max(longest, free_length(target, patches, most or Decimal(0)))
        if most is None:
            lacks = describe_lack(context.env.config, row, target, patches) | lacks
    reasons = "; ".join(place + reason for reason, place in lacks.items())
    unknown = f"at a price nobody knows: {reasons}"
    hint = f" (answers of up to {longest:,} tokens; --max-tokens lowers it)" if longest else ""
    price = f"at most ${worst[0].normalize():f}{hint}" if worst else unknown
    result = chain(
        [f"{left:,} left, {price}"],
        [f"{run.skipped:,} answered before"] if run.skipped else [],
        [run.describe_earlier()] if run.describe_earlier() else [],
        [f"{bad:,} that cannot be asked"] if bad else [],
        [f"{run.repeated:,} repeated"] if run.repeated else [],
    )
    context.console.write(" · ".join(result) + "\n")
    return 0


def free_length(target: Target, patches: tuple[Patch, ...], most: Decimal) -> int:
    """Return the longest answer in tokens if nothing but the model limits it and it costs most."""
    changes = changes_of(patches_for(target, patches))
    longest = max_output(target, changes)
    if target.ask.max_tokens is not None or longest != target.model.max_output_tokens:
        return 0
    prompt = cost_at_most(target, changes, replace(max_usage(target, changes), output=0))
    return longest or 0 if prompt is not None and most > 2 * prompt else 0


def describe_lack(
    config: Config, row: ReadyRow, target: Target, patches: tuple[Patch, ...]
) -> dict[str, str]:
    """Return what would give a row a known worst cost; what no flag can cure has its line."""
    reason = explain_unknown_cost(target, patches).message.partition("worst case")[2]
    priced = f"give prices of {target.name} in the configuration"
    gifts = {PRICE: priced, LONGEST: "give --max-tokens"}
    lacks = [lack for lack in gifts if lack in reason]
    if reason != f", for want of {' and '.join(lacks)}":
        return {reason.removeprefix(", for want of ").lstrip(": "): f"line {row.line}: "}
    words = [*(gifts[lack] for lack in lacks), describe_misspelling(config, target)]
    return dict.fromkeys(filter(None, words), "")


def dry_run_rows(context: BatchContext) -> int:
    """Print the request of the first row, or of all; nothing is looked up and nothing is sent."""
    from loki.cli.explain import dry_run

    form = context.flags.dry_run
    task: Task = "embedding" if context.defaults.embed else "chat"
    codes = []
    plan, nothing = context.defaults, find_among(HashSet())
    for each in read_rows(plan, context.inputs.lines):
        row = read_files(plan, nothing, each)
        if isinstance(row, InvalidRow):
            codes.append(context.console.report(row.problem))
        else:
            env = replace(context.env, patches=row.patches(context.env.patches))
            shape = "json" if form == "all" else form
            codes.append(dry_run(env, row.ask, shape, context.console, task))
        if form != "all":
            break
    return codes[0] if len(codes) == 1 else int(any(codes))
