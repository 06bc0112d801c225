"""Files for what was paid for and has no other place."""

from __future__ import annotations

import tempfile

from loki.edge.trust import make_private_folder


def make_rescue_file(folder: str, prog: str, suffix: str = "") -> tuple[int, str]:
    """Make a file that only we can read; return its handle and its path.

    It is in ``folder``, or where temporary files are if that disk is the full one.
    """
    try:
        make_private_folder(folder)
        return tempfile.mkstemp(suffix, f"{prog}-", folder)
    except OSError:
        return tempfile.mkstemp(suffix, f"{prog}-")
