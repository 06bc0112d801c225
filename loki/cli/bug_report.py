"""Our own bugs: where their tracebacks are saved, without secrets."""

from __future__ import annotations

import tempfile
import traceback

from loki.redaction.redactor import Redactor


def save_traceback(prog: str, bug: Exception, redactor: Redactor) -> str:
    """Write a traceback into a file; return what happened and where the file is, on one line."""
    text = redactor.redact("".join(traceback.format_exception(bug)))
    try:
        handle, path = tempfile.mkstemp(prefix=f"{prog}-bug-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        where = f"the traceback is in {path}"
    except OSError:
        where = "the traceback could not be saved"
    line = " ".join(redactor.redact(f"{type(bug).__name__}: {bug}").split())[:200]
    return f"{''.join(filter(str.isprintable, line))}; {where}"
