"""Value, JSON Schema -> how it breaks the schema, within a time: another process holds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from threading import Lock

from loki.edge import schema_child
from loki.edge.render import NEEDED
from loki.edge.stdin import read_piece
from loki.formats.structured_output import find_schema_violation
from loki.json_text import Json, JsonObject
from loki.problems import excerpt

LIMIT = 10.0  # seconds for one value, however busy the machine is
PATIENCE = 30.0  # seconds until it begins


class SchemaChecker:
    """The process that checks values, one after the other; started anew after one that hung."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.rest = b""  # of what it wrote
        self.lock = Lock()

    def find_breach(self, value: Json, schema: JsonObject) -> str:
        """Return where and how a value breaks a schema, empty if it does not."""
        with self.lock:
            try:
                return self.ask(value, schema)
            except OSError:  # no process to be had, or it has ended: rather without a limit
                self.stop()
        return find_schema_violation(value, schema)

    def ask(self, value: Json, schema: JsonObject) -> str:
        """Return the answer of the process, or that it takes too long; raise OSError."""
        process = self.process = self.process or start()
        assert process.stdin is not None
        path = [folder for folder in sys.path if os.path.isabs(folder)]
        data = json.dumps({"path": path, "value": value, "schema": schema}).encode()
        process.stdin.write(b"%d\n%s" % (len(data), data))
        process.stdin.flush()
        pattern, until = "", time.monotonic() + PATIENCE
        try:
            while True:
                match json.loads(self.read_line(process, until)):
                    case {"started": True}:
                        until = time.monotonic() + LIMIT
                    case {"pattern": str(now)}:
                        pattern = now
                    case {"breach": str(breach)}:
                        return breach
        except TimeoutError:
            self.stop()
            what = f"pattern {excerpt(pattern, 100)!r}" if pattern else "check"
            return f"$: the schema's {what} takes over {LIMIT:g} s: make it simpler"
        except BaseException:
            self.stop()
            raise

    def read_line(self, process: subprocess.Popen[bytes], until: float) -> bytes:
        """Return the next line; raise TimeoutError, or OSError if there is none."""
        assert process.stdout is not None
        while b"\n" not in self.rest:
            piece = read_piece(process.stdout.fileno(), until)
            if not piece:
                raise OSError("the process that checks schemas has ended")
            self.rest += piece
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def stop(self) -> None:
        """End the process, if there is one."""
        process, self.process, self.rest = self.process, None, b""
        if process is not None:
            process.kill()
            with suppress(OSError):
                process.communicate()


def start() -> subprocess.Popen[bytes]:
    """Start the process, without our environment; raise OSError."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", schema_child.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in NEEDED if name in os.environ},
    )


#: One for the process: it is slow to start, and the same for every Env.
CHECKER = SchemaChecker()
