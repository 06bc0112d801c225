"""Visits to a fake provider in this process, which may end at any of their effects."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fake_batches import INPUT, OUTPUT, Provider, configuration, name_of
from servers import Server

from loki.batch.api.journal import encode_line
from loki.batch.api.sites import PROTOCOLS
from loki.batch.read_rows import read_rows
from loki.batch.rows import RowDefaults
from loki.edge.batch.api.advance_jobs import JobsSummary, advance_jobs, forget_job, summarize_jobs
from loki.edge.batch.api.effects import real_effects
from loki.edge.batch.api.journal_file import JournalFile, open_journal
from loki.edge.batch.api.session import Effects, Session
from loki.edge.batch.api.submit import SubmitOptions
from loki.edge.batch.output import Output, open_output
from loki.edge.env import open_env
from loki.edge.ledger.writer import Ledger
from loki.records import Ask

COST = (INPUT * 2 + OUTPUT * 8) // 2 * 10**6  # of a row, in 1e-12 dollars: half of the price


class Killed(BaseException):
    """The end of a process."""


@dataclass
class Killer:
    """Ends the process at one of its effects: before it, after it, or in the middle of a write."""

    at: int = -1
    when: str = "before"
    count: int = -1

    def wrap(self, effects: Effects, out: Output, journal: JournalFile) -> Effects:
        """Return effects of which one is the last."""
        torn: dict[str, Callable[..., object]] = {
            "append_to_journal": lambda *lines: os.write(
                journal.handle, half(encode_line(lines[0]))
            ),
            "write": lambda data: out.file.write(half(data)),
        }

        def wrapped(name: str, effect: Callable[..., Any]) -> Callable[..., Any]:
            def call(*values: Any) -> Any:
                self.count += 1
                is_last = self.count == self.at
                if is_last and self.when == "torn" and name in torn:
                    torn[name](*values)
                if is_last and self.when != "after":
                    raise Killed
                result = effect(*values)
                if is_last:
                    raise Killed
                return result

            return call

        names = (
            "send",
            "fetch",
            "append_to_journal",
            "write",
            "sync",
            "record",
            "reserve",
            "release",
        )
        return replace(effects, **{name: wrapped(name, getattr(effects, name)) for name in names})


def half(data: bytes) -> bytes:
    """Return the first half of some bytes."""
    return data[: len(data) // 2]


@dataclass
class Place:
    """A folder with a configuration, an input, an output and a ledger."""

    folder: Path
    kind: str
    count: int  # rows
    model: str = "m"

    def configure(self, server: Server, more: str = "") -> None:
        """Write the configuration."""
        (self.folder / "config.yaml").write_text(configuration(self.kind, server.address, more))

    def visit(
        self,
        killer: Killer | None = None,
        forgets: str = "",
        embeds: bool = False,
        removes: bool = False,
        **options: Any,
    ) -> JobsSummary:
        """Visit the provider once, in this process."""
        env = open_env(str(self.folder / "config.yaml"), {"HOME": str(self.folder)}).unwrap()
        task: Any = "embedding" if embeds else "chat"
        plan = RowDefaults(
            Ask(model=f"{name_of(self.kind)}:{self.model}", stream=False), embed=embeds
        )
        lines = (json.dumps({"id": f"id-{n}", "prompt": f"P{n}"}) for n in range(self.count))
        numbered = [(n, plan_line) for n, plan_line in enumerate(map(wrap_line, lines), 1)]
        path = str(self.folder / "out")
        with open_output(path, str(self.folder), retry_failed=False) as opened:
            out = opened.unwrap()
            with open_journal(path) as found:
                journal = found.unwrap()
                ledger = Ledger(str(self.folder / "ledger.db"), redactor=env.redactor)
                effects = real_effects(env, out, journal, ledger, lambda message: None)
                if killer is not None:
                    effects = killer.wrap(effects, out, journal)
                limits = env.config.clients[0].limits
                session = Session(
                    env.config,
                    effects,
                    journal.journal,
                    out.done,
                    out.form.encode,
                    env.redactor,
                    limits,
                )
                try:
                    if forgets:
                        forget_job(session, forgets)
                    made = SubmitOptions(env, task, **options)
                    advance_jobs(session, lambda: read_rows(plan, numbered), made, removes)
                finally:
                    ledger.close()
                    out.file.close()
                self.session = session
                return summarize_jobs(session, out.earlier.failed)

    def finish(self, fake: Provider, most: int = 8) -> JobsSummary:
        """Visit again and again, a quarter of an hour apart."""
        for _ in range(most):
            result = self.visit()
            fake.now += 900
            if result.code == 0:
                break
        return result

    def lines(self) -> list[Any]:
        """Return the rows of the output."""
        path = self.folder / "out"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def billed(self) -> list[int]:
        """Return the costs in the ledger, and what is reserved at the end."""
        with sqlite3.connect(self.folder / "ledger.db") as db:
            costs = [cost for (cost,) in db.execute("SELECT cost FROM calls")]
            (reserved,) = db.execute("SELECT coalesce(sum(cost), 0) FROM reserved").fetchone()
            (spent,) = db.execute("SELECT coalesce(sum(cost), 0) FROM spent").fetchone()
        assert spent == sum(costs) + reserved
        return [*costs, *([reserved] if reserved else [])]

    def journal(self) -> list[Any]:
        """Return the lines of the journal."""
        return [json.loads(line) for line in (self.folder / "out.jobs").read_text().splitlines()]


def wrap_line(text: str) -> Any:
    """Return a line as an input gives it."""
    from returns.result import Success

    return Success(text)


def check_once(place: Place, fake: Provider) -> None:
    """See that every row was paid for once, written once, and is in the ledger once."""
    assert max(fake.paid.values()) == 1 and len(fake.paid) == place.count
    assert Counter(line["id"] for line in place.lines()) == Counter(
        f"id-{n}" for n in range(place.count)
    )
    assert all(line["text"] == f"re: P{line['line'] - 1}" for line in place.lines())
    assert place.billed() == [COST if place.kind != "xai" else 16_000_000] * place.count


def small(monkeypatch: pytest.MonkeyPatch, kind: str, most: int = 2) -> None:
    """Let jobs have few rows."""
    monkeypatch.setitem(PROTOCOLS, kind, PROTOCOLS[kind]._replace(max_rows=most))


KINDS = ("openai", "mistral", "gemini", "xai", "anthropic")
#: How many rows are submitted in jobs of two: three jobs where it matters most.
SIZES = {"openai": 6, "anthropic": 4}
