"""A home for every test that runs commands; laws are held without a stopwatch."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from commands import Home
from hypothesis import settings

# No test writes into the ledger of whoever runs it, nor reads their configuration.
for kind in ("STATE", "CACHE", "CONFIG"):
    os.environ[f"XDG_{kind}_HOME"] = tempfile.mkdtemp(prefix="loki-tests-")

settings.register_profile("loki", deadline=None)  # time is for `make bench` to judge
settings.load_profile("loki")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A user's folders."""
    return Home(tmp_path)
