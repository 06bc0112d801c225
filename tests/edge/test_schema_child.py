"""The program that checks values, called without its process."""

from __future__ import annotations

import json

import pytest

from loki.edge.schema_child import make_reporter


def test_a_pattern_is_reported_once_in_a_row(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    report = make_reporter()
    for pattern in ("a", "a", "b", "a"):
        report(pattern)
    lines = capfdbinary.readouterr().out.splitlines()
    assert [json.loads(line)["pattern"] for line in lines] == ["a", "b", "a"]
