"""Lines of a journal -> how its jobs stand; what happened -> a line of it.

A journal is all that is known of the jobs of one output: JSON lines that are only ever added to.
It has no prompt, no answer and no secret; a schema that answers must meet is kept in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from loki.batch.api.job import Item, Job
from loki.batch.api.journal_shape import is_sound
from loki.batch.api.protocol import JobStatus, Submission
from loki.batch.done_rows import HashSet, row_identity
from loki.json_text import Json, JsonObject, compact
from loki.record import field_names, replace


class Journal:
    """How all jobs stand, by the lines so far."""

    def __init__(self, lines: Iterable[JsonObject] = ()) -> None:
        self.jobs: dict[str, Job] = {}
        self.pending: dict[str, list[Item]] = {}
        self.again: Counter[str] = Counter()  # how often a row came back without an answer
        self.known = HashSet()  # the marks of all rows that were ever in a job
        for line in lines:
            self.add(line)

    def add(self, line: JsonObject) -> None:
        """Take in a line; what a newer loki wrote and is unknown here is left alone."""
        match line:
            case {"plan": str(nonce)}:
                self.jobs[nonce] = read_plan(nonce, line)
            case {"rows": str(nonce), "items": list(items)} if nonce in self.jobs:
                job, found = self.jobs[nonce], [*map(read_item, items)]
                self.jobs[nonce] = replace(job, items=(*job.items, *found))
                for item in found:
                    self.known.add(row_identity(item.id, item.key))
            case _:
                nonce = next((str(line[kind]) for kind in CHANGES if kind in line), "")
                if nonce in self.jobs:
                    self.change(self.jobs[nonce], line)

    def change(self, job: Job, line: JsonObject) -> None:
        """Take in what happened to a job."""
        kind = next(kind for kind in CHANGES if kind in line)
        self.jobs[job.nonce] = CHANGES[kind](job, line)
        marks = {item.suffix: row_identity(item.id, item.key) for item in job.items}
        for suffix in line.get("again", ()):
            if suffix in marks:
                self.again[marks[suffix]] += 1

    @property
    def open_jobs(self) -> list[Job]:
        """Return the jobs of which something is still to come."""
        return [job for job in self.jobs.values() if job.is_open]

    @property
    def uncollected_jobs(self) -> list[Job]:
        """Return the jobs whose rows may be paid for already."""
        return [job for job in self.jobs.values() if job.is_uncollected]

    def uncollected_rows(self) -> HashSet:
        """Return the marks of the rows that are out."""
        seen = HashSet()
        for job in self.uncollected_jobs:
            for item in job.items:
                seen.add(row_identity(item.id, item.key))
        return seen

    def spent(self) -> Decimal:
        """Return US dollars: what is known to be spent, and what jobs that are out may cost."""
        known = sum((job.cost for job in self.jobs.values()), Decimal(0))
        return known + sum((job.worst or Decimal(0) for job in self.uncollected_jobs), Decimal(0))


# ---- what each line changes ----------------------------------------------------------------------


def read_plan(nonce: str, line: Mapping[str, Any]) -> Job:
    """Return a job that was planned."""
    worst = line.get("worst")
    return Job(
        submission=Submission(nonce, line["n"], line.get("hours", 24)),
        planned=line["time"],
        protocol=line["kind"],
        model=line["model"],
        account=line["account"],
        task=line.get("task", "chat"),
        bytes=line.get("bytes", 0),
        worst=None if worst is None else Decimal(worst),
        schema=line.get("schema"),
        tag=line.get("tag", ""),
        keeps=line.get("keeps", False),
    )


def with_upload(job: Job, line: Mapping[str, Any]) -> Job:
    """Return a job whose rows are stored with the provider."""
    return replace(job, submission=replace(job.submission, ref=line["ref"]))


def with_intent(job: Job, line: Mapping[str, Any]) -> Job:
    """Return a job whose paid request may have left."""
    return replace(job, submission=replace(job.submission, intent=line["time"]))


def with_id(job: Job, line: Mapping[str, Any]) -> Job:
    """Return a job that the provider has taken."""
    return replace(job, id=line["id"], dropped="")


def with_search(job: Job, line: Mapping[str, Any]) -> Job:
    """Return a job that was looked for in vain."""
    return replace(job, looks=(*job.looks, line["time"]))


def with_status(job: Job, line: Mapping[str, Any]) -> Job:
    """Return a job that was seen."""
    facts: dict[str, Any] = {name: line[name] for name in STANDING if name in line}
    facts |= {name: tuple(line.get(name, ())) for name in LISTS}
    standing = JobStatus(**facts)
    ended = line["time"] if standing.is_final and job.ended is None else job.ended
    return replace(job, standing=standing, seen=line["time"], ended=ended)


def mark_collected(job: Job, line: Mapping[str, Any]) -> Job:
    """Return a job whose answers are in the output."""
    return replace(job, collected=True, cost=Decimal(line.get("cost", "0")), items=())


def mark_dropped(job: Job, line: Mapping[str, Any]) -> Job:
    """Return a job that never was."""
    return replace(job, dropped=line["why"], items=())


LISTS = ("files", "bad_lines")
STANDING = tuple(name for name in field_names(JobStatus) if name not in (*LISTS, "inline"))
CHANGES = {
    "uploaded": with_upload,
    "intent": with_intent,
    "job": with_id,
    "looked": with_search,
    "seen": with_status,
    "collected": mark_collected,
    "dropped": mark_dropped,
}


# ---- lines ---------------------------------------------------------------------------------------


def plan_line(job: Job) -> JsonObject:
    """Return the line of a job that is planned."""
    client, _, _ = job.model.partition(":")
    return {
        "plan": job.nonce,
        "time": job.planned,
        "client": client,
        "account": job.account,
        "model": job.model,
        "kind": job.protocol,
        "task": job.task,
        "n": job.submission.rows,
        "hours": job.submission.hours,
        "bytes": job.bytes,
        "worst": None if job.worst is None else str(job.worst),
        "tag": job.tag,
        "keeps": job.keeps,
        **({} if job.schema is None else {"schema": job.schema}),
    }


def row_lines(nonce: str, items: Sequence[Item], size: int = 1000) -> list[JsonObject]:
    """Return the lines with the rows of a job; an id that is the key is left out."""
    return [
        {
            "rows": nonce,
            "items": [
                [item.suffix, None if item.id == item.suffix else item.id, item.line]
                for item in items[start : start + size]
            ],
        }
        for start in range(0, len(items), size)
    ]


def read_item(item: Json) -> Item:
    """Return a row of a job.

    >>> read_item(["k", None, 3])
    Item(suffix='k', id='k', line=3)
    """
    suffix, id, line = item
    return Item(suffix, suffix if id is None else id, line)


def status_line(nonce: str, status: JobStatus, now: float) -> JsonObject:
    """Return the line of a job that was seen."""
    facts = {name: getattr(status, name) for name in STANDING}
    lists = {"files": list(status.files), "bad_lines": list(status.bad_lines)}
    return {"seen": nonce, "time": now, **facts, **lists}


def encode_line(line: JsonObject) -> bytes:
    """Return a line as it is written."""
    return compact(line).encode("utf-8", "replace") + b"\n"


def read_lines(data: Iterable[bytes]) -> tuple[list[JsonObject], int, int]:
    """Return lines, how many bytes of them are whole, and the number of one that is no line, or 0.

    The last line is dropped if it is torn: what it says was not done yet, or is found again.
    """
    lines: list[JsonObject] = []
    planned: set[str] = set()
    whole = 0
    for number, raw in enumerate(data, 1):
        if not raw.endswith(b"\n"):
            break
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            return lines, whole, number
        if not isinstance(line, dict) or not is_sound(line, planned):
            return lines, whole, number
        if "plan" in line:
            planned.add(line["plan"])
        lines.append(line)
        whole += len(raw)
    return lines, whole, 0


def needed_lines(lines: Sequence[JsonObject]) -> list[JsonObject]:
    """Return the lines without the rows of jobs that are over, of which none is to go again."""
    journal = Journal(lines)
    again = {line.get("collected") for line in lines if line.get("again")}
    over = {nonce for nonce, job in journal.jobs.items() if not job.is_open} - again
    return [line for line in lines if line.get("rows") not in over]


# ---- how much more a model takes -----------------------------------------------------------------


def max_rows_to_submit(journal: Journal, model: str, full: frozenset[str]) -> int | None:
    """Return how many rows of a model may go into a job now, None for as many as there are.

    A job that was refused for want of room (its code is in ``full``) waits for the others that
    are out; where there are none, half of its rows go next.
    """
    jobs = [job for job in journal.jobs.values() if job.model == model]
    most: int | None = None
    for job in jobs:
        code = job.standing.code if job.standing else ""
        if job.collected:
            most = max(1, job.submission.rows // 2) if code in full else None
    return 0 if most is not None and any(job.is_uncollected for job in jobs) else most
