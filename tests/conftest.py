"""A home for every test that runs commands; laws are held without a stopwatch."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest
from commands import Home
from hypothesis import settings
from terminals import leave_terminal

# In the background of a script SIGINT is ignored, and every command of a test would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test writes into the ledger of whoever runs it, nor reads their configuration.
for kind in ("STATE", "CACHE", "CONFIG"):
    os.environ[f"XDG_{kind}_HOME"] = tempfile.mkdtemp(prefix="loki-tests-")

# Nor does one depend on the terminal of whoever runs it, or ask something there.
os.environ |= {"COLUMNS": "80", "LINES": "24"}
leave_terminal()

# The suite is the same every time; `make fuzz` searches, and what it finds becomes an example here.
# There are no deadlines: time is for `make bench` to judge.
settings.register_profile("loki", derandomize=True, database=None, deadline=None)
settings.register_profile("fuzz", max_examples=200, database=None, deadline=None, print_blob=True)
settings.load_profile("loki")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A user's folders."""
    return Home(tmp_path)
