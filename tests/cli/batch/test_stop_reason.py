"""Why a run begins nothing more: reasons in the order in which they came."""

from __future__ import annotations

import pytest

from loki.cli.batch.stop_reason import StopReason


def stopped(*reasons: str) -> StopReason:
    """Return a stop with some reasons."""
    stop = StopReason()
    for reason in reasons:
        stop.set(reason)
    return stop


@pytest.mark.parametrize(
    ("reasons", "first", "is_set", "is_budget", "is_only_budget"),
    [
        ((), "", False, False, True),
        (("budget",), "budget", True, True, True),
        (("budget", "budget"), "budget", True, True, True),
        (("SIGINT",), "SIGINT", True, False, False),
        (("budget", "SIGINT"), "budget", True, True, False),
        (("SIGINT", "budget"), "SIGINT", True, True, False),
    ],
)
def test_reasons_are_kept_in_their_order(
    reasons: tuple[str, ...], first: str, is_set: bool, is_budget: bool, is_only_budget: bool
) -> None:
    stop = stopped(*reasons)
    assert (stop.first, stop.is_set()) == (first, is_set)
    assert (stop.is_set("budget"), stop.is_only("budget")) == (is_budget, is_only_budget)


def test_a_run_that_had_nothing_left_to_stop_forgets_its_reasons() -> None:
    stop = stopped("budget", "SIGINT")
    stop.clear()
    assert (stop.is_set(), stop.first) == (False, "")
    stop.set("SIGTERM")
    assert stop.first == "SIGTERM"


def test_a_signal_can_stop_a_run_while_another_holds_the_reasons() -> None:
    stop = stopped("budget")
    held = stop.reasons
    for _ in held:
        if len(held) < 3:
            stop.set("SIGINT")
    assert stop.reasons == ["budget", "SIGINT", "SIGINT"]
