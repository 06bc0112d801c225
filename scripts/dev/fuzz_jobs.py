"""What batch APIs and lists of models say, for the quick fuzzer."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from itertools import islice

from frames import CLIENTS
from support import target

from loki.batch.api.answers import RowContext, interpret_result
from loki.batch.api.protocol import Protocol, Submission
from loki.batch.api.sites import PROTOCOLS
from loki.money.batch_tier import BatchRates
from loki.providers.model_list import next_page, read_models
from loki.wire.provider_json import parse_json

JOB = Submission("abcdefgh", 2)


def check_job(protocol: Protocol, body: bytes) -> None:
    """Check that whatever a batch API says is read or is nothing."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    protocol.read_status(value)
    protocol.read_list(value, JOB, "")
    protocol.read_upload(value)
    if row := protocol.read_row(value):
        outcome = interpret_result(row_context(), row)
        json.dumps(getattr(outcome, "line", None)).encode()


@cache
def row_context() -> RowContext:
    """Return what is known of a row that was asked."""
    whither = target(CLIENTS["openai"])
    return RowContext(whither, BatchRates(whither.model.price, PROTOCOLS["openai"].discount), 0.0)


def check_model_list(body: bytes) -> None:
    """Check that a list of models is read, or is none."""
    try:
        value = parse_json(body.decode())
    except (ValueError, RecursionError):
        return
    for model in islice(read_models(value), 1000):
        json.dumps(model)
    next_page("https://a.example/models?limit=9", value)


#: The checks of what each batch API says, by its name.
JOBS: dict[str, Callable[[bytes], None]] = {
    name: partial(check_job, protocol) for name, protocol in PROTOCOLS.items()
}
