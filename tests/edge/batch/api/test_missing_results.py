"""Results that are not whole: their rows wait, and are neither lost nor paid twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch_visits import COST, Place
from fake_batches import Provider
from servers import serving


def cut(data: bytes) -> bytes:
    """Return some bytes but the last."""
    return data[:-20]


#: What a file of results looks like after a bad download.
DOWNLOADS: dict[str, Callable[[bytes], bytes]] = {
    "page": lambda data: b"<html>\n<body>\nLog in\n</body>\n</html>\n",
    "cut": cut,
    "empty": lambda data: b"",
    "no file": lambda data: data,
}


@pytest.mark.parametrize("name", DOWNLOADS)
def test_results_that_are_not_whole_are_fetched_again_and_never_paid_twice(
    tmp_path: Path, name: str
) -> None:
    class Flawed(Provider):
        is_well = False

        def lines(self, job: Any) -> bytes:
            data = super().lines(job)
            return data if self.is_well else DOWNLOADS[name](data)

        def show_openai(self, job: Any, over: bool) -> Any:
            shown = super().show_openai(job, over)
            shown["request_counts"]["completed"] = len(job.rows) * over
            return {**shown, **({} if self.is_well or name != "no file" else NO_FILE)}

    fake = Flawed("openai")
    with serving(fake) as server:
        place = Place(tmp_path, "openai", 3)
        place.configure(server)
        place.visit()
        for _ in range(2):
            assert place.visit().code == 75 and len(fake.jobs) == 1
            assert "not whole yet" in place.session.problems[0].message
            assert not [line for line in place.lines() if "error" in line]
        fake.is_well = True
        place.visit()
        assert place.visit().code == 0, place.session.problems
        assert sorted(line["id"] for line in place.lines()) == ["id-0", "id-1", "id-2"]
        assert place.billed() == [COST] * 3 and max(fake.paid.values()) == 1


NO_FILE = {"output_file_id": None, "error_file_id": None}
