"""IMPURE. Files for what was paid for and has no other place."""

from __future__ import annotations

import os
import tempfile


def make_rescue_file(folder: str, prog: str, suffix: str = "") -> tuple[int, str]:
    """Make a file that only we can read; return its handle and its path.

    It is in ``folder``, or where temporary files are if that disk is the full one.
    """
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return tempfile.mkstemp(suffix, f"{prog}-", folder)
    except OSError:
        return tempfile.mkstemp(suffix, f"{prog}-")
