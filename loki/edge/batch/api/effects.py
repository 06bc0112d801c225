"""This machine -> the effects of a visit: network, journal, output, ledger, clock."""

from __future__ import annotations

import os
import secrets
import string
from functools import partial

from loki.batch.api.journal import Journal
from loki.edge.batch.api.batch_client import BatchClient
from loki.edge.batch.api.journal_file import JournalFile
from loki.edge.batch.api.session import Effects
from loki.edge.batch.output import Output
from loki.edge.ledger.batches import record_batch
from loki.edge.ledger.budget import Budget
from loki.edge.ledger.reservations import release, reserve
from loki.edge.ledger.writer import Ledger, Warn
from loki.json_text import JsonObject
from loki.pipeline import Env
from loki.problems import Problem
from loki.record import replace

LETTERS = string.ascii_lowercase + string.digits


def real_effects(
    env: Env, out: Output, journal: JournalFile, ledger: Ledger | None, say: Warn
) -> Effects:
    """Return effects on this machine; without a ledger nothing is written there."""
    client = BatchClient(env.authorize, env.redactor)
    config = env.config
    effects = Effects(
        send=client.send,
        fetch=client.fetch,
        append_to_journal=journal.write,
        write=out.write,
        sync=partial(sync, out),
        record=partial(record_batch, ledger) if ledger else do_nothing,
        reserve=partial(reserve, ledger) if ledger else do_nothing,
        release=partial(release, ledger) if ledger else do_nothing,
        now=env.now,
        nonce=new_nonce,
        find_schema_violation=env.find_schema_violation,
    )
    if ledger is None or not config.budget:
        return effects
    budget = Budget(config.budget, ledger, env.now, say, config.allow_unpriced)
    return replace(effects, hold=budget.hold_job)


def read_only_effects(env: Env, journal: Journal) -> Effects:
    """Return effects that ask providers how jobs stand, and change nothing."""
    client = BatchClient(env.authorize, env.redactor)

    def note(*lines: JsonObject) -> None:
        for line in lines:
            journal.add(line)

    return Effects(
        send=client.send,
        fetch=client.fetch,
        append_to_journal=note,
        write=do_nothing,
        sync=lambda: None,
        record=do_nothing,
        reserve=do_nothing,
        release=do_nothing,
        now=env.now,
        nonce=new_nonce,
    )


def do_nothing(*values: object) -> None:
    """Do nothing."""


def new_nonce() -> str:
    """Return 8 letters and digits that nobody else has; the first is a letter."""
    first = secrets.choice(string.ascii_lowercase)
    return first + "".join(secrets.choice(LETTERS) for _ in range(7))


def sync(out: Output) -> Problem | None:
    """Make the output safe on the disk; return why it is not."""
    try:
        if out.full is None:
            os.fsync(out.file.fileno())
            return None
        reason = out.full.strerror or ""
    except OSError as error:
        reason = error.strerror or ""
    return Problem("output", f"cannot write {out.path}: {reason}; the rest: {out.rescue}")
