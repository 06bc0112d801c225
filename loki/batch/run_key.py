"""A row's key -> its key in this run, which what holds for every row of the run is a part of.

It is longer than the keys of earlier versions, which knew of the row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

from loki.batch.done_rows import row_identity
from loki.batch.row_key import SORTED
from loki.batch.rows import ReadyRow, Row, RunSettings
from loki.records import Ask, Config, Patch
from loki.stages.patch import changes_of


def run_settings(config: Config, patches: Sequence[Patch]) -> RunSettings:
    """Return what a run asks with, beyond its Ask: ``patches`` are those of the command line."""
    urls = [patch.url for patch in patches if patch.url]
    asked = SORTED.encode([changes_of(patches), urls[-1:]])  # in whatever order they were given
    return RunSettings(asked, config.temperature, config.top_p)


def run_key(key: str, ask: Ask, settings: RunSettings) -> str:
    """Return the key of a row in a run: of its own key, and of what the run adds to what it asks.

    >>> ask, plain = Ask("Hi"), RunSettings()
    >>> run_key("5855471fc5a77d719a786ac4", ask, plain)
    '3d4ad24993f2addc760661681f'
    """
    parts = [
        key,
        settings.patches,
        settings.temperature if ask.temperature is None and not ask.texts else None,
        settings.top_p if ask.top_p is None and not ask.texts else None,
    ]
    return blake2b(SORTED.encode(parts).encode(), digest_size=13).hexdigest()


def recognize(row: Row, is_known: Callable[[str], bool]) -> Row:
    """Return a row as an earlier version knew it, where only that is known; else as it is."""
    if not isinstance(row, ReadyRow) or not row.earlier_key:
        return row
    own, is_key = str(row.id), str(row.id).startswith(row.key)  # of a row without an id of its own
    id = row.earlier_key + own[len(row.key) :] if is_key else row.id
    if is_known(row_identity(row.id, row.key)) or not is_known(row_identity(id, row.earlier_key)):
        return row
    return row._replace(id=id, key=row.earlier_key, earlier_key="")
