"""A session with batch APIs -> lines for people, a summary for programs."""

from __future__ import annotations

from loki.batch.api.job import Job
from loki.batch.api.sites import PROTOCOLS
from loki.cli.batch.end import resume_command
from loki.cli.batch.summary_file import write_summary
from loki.cli.console import Console
from loki.edge.batch.api.advance_jobs import JobsSummary, choose_pause, state_of
from loki.edge.batch.api.session import Session
from loki.price import format_dollars
from loki.record import field_names

DAY = 86400.0


def print_jobs(console: Console, session: Session, before: str, to_stdout: bool = False) -> str:
    """Print a line a job, unless they are the same as before; return the lines."""
    now = session.effects.now()
    jobs = session.journal.open_jobs
    lines = "".join(f"{job_line(job, now)}\n" for job in jobs)
    shape = "".join(f"{job.nonce} {state_of(job)} {job.standing}\n" for job in jobs)
    if to_stdout:
        console.write(lines)
    elif shape != before:
        for line in lines.splitlines():
            console.warn(line)
    return shape


def job_line(job: Job, now: float) -> str:
    """Return how a job stands, in a line: its state, rows, age, and when what dies."""
    standing = job.standing
    done = sum(filter(None, (standing.done, standing.failed))) if standing else 0
    parts = [
        f"job {job.nonce}",
        job.model,
        state_of(job),
        f"{done:,}/{job.submission.rows:,} rows",
        f"age {format_duration(now - job.planned)}",
        format_job_end(job, now),
    ]
    return " · ".join(filter(None, parts))


def format_job_end(job: Job, now: float) -> str:
    """Return when a job or its results die, as far as that is known."""
    protocol, standing = PROTOCOLS.get(job.protocol), job.standing
    if standing is not None and standing.is_final and protocol is not None:
        left = (now if job.ended is None else job.ended) + protocol.retention - now
        haste = ": collect them soon" if left < DAY else ""
        return f"results are kept for {format_duration(left)}{haste}"
    if standing is not None and standing.expires is not None:
        return f"ends in {format_duration(standing.expires - now)} at the latest"
    return ""


def format_duration(seconds: float) -> str:
    """Return a length of time for people.

    >>> format_duration(50), format_duration(600), format_duration(7000), format_duration(200000)
    ('50 s', '10 min', '1.9 h', '2.3 days')
    """
    for limit, size, unit in ((120, 1, "s"), (5400, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            value = max(seconds, 0) / size
            return f"{value:.1f} {unit}" if unit == "h" else f"{value:.0f} {unit}"
    return f"{seconds / 86400:.1f} days"


def print_end(console: Console, session: Session, result: JobsSummary) -> None:
    """Print how a visit went, and what to do next."""
    for note in session.notes:
        console.warn(note)
    for problem in (*session.problems, *((session.over,) if session.over else ())):
        console.print_problem(problem)
    if result.out:
        print_jobs(console, session, "")
        warn_of_short_keeping(console, session)
    console.warn(format_summary(session, result))
    if result.left and not session.is_read:
        console.warn("rows without an answer are asked again where IN is named")
    elif result.out or result.left:
        console.warn(f"to go on{format_next_check(session)}: {resume_command(console.prog)}")


def format_next_check(session: Session) -> str:
    """Return in how long it pays to come back: the older the youngest job, the longer."""
    if not session.journal.uncollected_jobs:
        return ""
    age = session.effects.now() - max(job.planned for job in session.journal.uncollected_jobs)
    return f" in {format_duration(max(60.0, choose_pause(age, session.wait)))}"


def warn_of_short_keeping(console: Console, session: Session) -> None:
    """Warn where results are kept for two days or less: they are to be collected in time."""
    for name in {job.protocol for job in session.journal.uncollected_jobs}:
        kept = PROTOCOLS[name].retention if name in PROTOCOLS else 30 * DAY
        if kept <= 2 * DAY:
            time = format_duration(kept)
            console.warn(f"{name} keeps results for {time} after a job: collect them in time")


def format_summary(session: Session, result: JobsSummary) -> str:
    """Return how a visit went, for people."""
    jobs = len(session.journal.uncollected_jobs)
    parts = [
        f"{result.good:,} answered",
        f"{result.failed:,} failed" if result.failed else "",
        f"{result.submitted:,} submitted" if result.submitted else "",
        f"{result.out:,} out in {jobs:,} job{'s' * (jobs != 1)}" if jobs else "",
        f"{result.left:,} {'not sent' if session.is_read else 'unanswered'}" if result.left else "",
        format_costs(session),
    ]
    return " · ".join(filter(None, parts))


def format_costs(session: Session) -> str:
    """Return what the rows of this visit cost and what that saved, as far as anybody knows."""
    cost = format_dollars(session.cost)
    if session.unpriced:
        return f"≥ {cost} ({session.unpriced:,} of unknown cost)"
    return f"{cost} (saved {format_dollars(session.saved)})" if session.saved > 0 else cost


def write_jobs_summary(console: Console, path: str | None, result: JobsSummary) -> int:
    """Write how a visit went, for programs; return the exit code."""
    facts = {name: getattr(result, name) for name in field_names(JobsSummary)}
    return write_summary(console, path, {**facts, "jobs": list(result.jobs)}, result.code)
