"""Template, values -> text: filled in by another process, which cannot harm this one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from math import inf

from returns.result import Failure, Result, Success

from loki.edge import render_child
from loki.edge.files import describe_os_error
from loki.edge.stdin import read_piece
from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail, suggest_nearest
from loki.record import record

PATIENCE = 30.0  # seconds for one text, however busy the machine is
NEEDED = ("LD_LIBRARY_PATH", "SYSTEMROOT")  # variables without which some interpreters do not start


@record
class TemplateNames:
    """The names that a template uses, and those that it cannot do without."""

    used: frozenset[str]
    required: frozenset[str]


class Renderer:
    """A template, and the process that fills it in; started anew after one that had to be ended."""

    def __init__(self, source: str, name: str, line: int = 1) -> None:
        """Take the template, and its name and first line in the file, for messages."""
        self.source, self.name, self.line = source, name, line
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Renderer:
        """Return this; the process is ended after the block."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the process."""
        self.stop()

    def start(self, deadline: float = inf) -> Result[TemplateNames, Problem]:
        """Start the process and compile the template; ``deadline`` is on the monotonic clock."""
        self.stop()
        variables = {name: os.environ[name] for name in NEEDED if name in os.environ}
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", render_child.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=variables,
            )
        except OSError as error:  # no process, no memory, no handles left
            return fail("input", f"{self.name}: cannot be filled in: {describe_os_error(error)}")
        path = [folder for folder in sys.path if os.path.isabs(folder)]
        reply = self.ask_child({"path": path, "source": self.source}, deadline)
        return reply.map(
            lambda result: TemplateNames(frozenset(result["names"]), frozenset(result["required"]))
        )

    def render(self, values: Mapping[str, Json], deadline: float = inf) -> Result[str, Problem]:
        """Return the text of the template with these values."""
        if self.process is None:
            started = self.start(deadline)
            if not isinstance(started, Success):
                return Failure(started.failure())
        return self.ask_child({"values": dict(values)}, deadline).bind(
            lambda result: Success(str(result["text"]))
        )

    def stop(self) -> None:
        """End the process, if there is one."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        with suppress(OSError):
            process.communicate()

    # ---- messages

    def ask_child(self, message: JsonObject, deadline: float) -> Result[JsonObject, Problem]:
        """Send a message; return the reply, or what is wrong with the template."""
        assert self.process is not None and self.process.stdin is not None
        data = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
        until = min(deadline, time.monotonic() + PATIENCE)
        try:
            self.process.stdin.write(b"%d\n%s" % (len(data), data))
            self.process.stdin.flush()
            line = self.read_line(until)
        except TimeoutError:
            self.stop()
            return (
                report_timeout(self.name)
                if until == deadline
                else self.refuse(f"takes over {PATIENCE:g} s")
            )
        except BrokenPipeError:
            line = b""
        if not line.endswith(b"\n"):
            return self.explain_death()
        return self.explain(json.loads(line.decode("utf-8", "surrogatepass")))

    def read_line(self, until: float) -> bytes:
        """Return the next line of the process, cut short if it ends; raise TimeoutError."""
        assert self.process is not None and self.process.stdout is not None
        file, pieces = self.process.stdout.fileno(), [b""]
        while not pieces[-1].endswith(b"\n"):
            piece = read_piece(file, until)
            if not piece:
                break
            pieces.append(piece)
        return b"".join(pieces)

    # ---- what is wrong

    def explain(self, result: JsonObject) -> Result[JsonObject, Problem]:
        """Return a reply, or the problem that it tells of, with its place."""
        if "error" not in result:
            return Success(result)
        line = f":{result['line'] + self.line - 1}" if result["line"] else ""
        return fail("input", f"{self.name}{line}: {result['error']}")

    def explain_death(self) -> Result[JsonObject, Problem]:
        """Return why the process ended before it answered."""
        assert self.process is not None
        self.process.wait()
        code = self.process.returncode
        self.stop()
        if code == -getattr(signal, "SIGXCPU", 0):
            return self.refuse(f"takes over {render_child.MAX_SECONDS} s of the processor's time")
        return self.refuse(f"ends the program that fills it in ({code})")

    def refuse(self, reason: str) -> Result[JsonObject, Problem]:
        """Return the problem of a template that was stopped."""
        return fail("input", f"{self.name}: the template {reason}")


def report_timeout(name: str) -> Result[JsonObject, Problem]:
    """Return the problem of a template for which there is no time left."""
    return fail("offline", f"{name}: not filled in within the time for everything (total timeout)")


def undefined_name(problem: Problem) -> str:
    """Return the name that a template misses, "" where that is not what is wrong.

    >>> undefined_name(Problem("input", "a.md:3: 'lang' is undefined"))
    'lang'
    """
    match = re.search(r": '(\w+)' is undefined$", problem.message)
    return match[1] if match else ""


def suggest_name(name: str, known: list[str]) -> str:
    """Return the end of a message about a name that is missing: the nearest one, or how to set it.

    >>> suggest_name("lnag", ["lang"]), suggest_name("lang", ["input"])
    ("; did you mean 'lang'?", '; set it with --set lang=VALUE')
    """
    near = suggest_nearest(name, known)
    return near if "did you mean" in near else f"; set it with --set {name}=VALUE"
