"""Commands with a configuration of their own: as real processes, or called in this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, Any

from loki.cli.main import run_guarded

BIN = Path(sys.executable).parent


@dataclass
class Home:
    """A user's folders, and commands run by that user."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def configure(self, text: str) -> Path:
        """Write the configuration."""
        path = self.folder / "config.yaml"
        path.write_text(text)
        return path

    def local(self, address: str, model: str = "", client: str = "") -> Path:
        """A configuration with one client, ``local``, and its model ``m``."""
        return self.configure(
            "clients:\n"
            "  - type: openai-compatible\n"
            "    name: local\n"
            f"    api_base: {address}\n{indent(client, 4)}"
            "    models:\n"
            f"      - name: m\n{indent(model, 8)}"
        )

    def variables(self) -> dict[str, str]:
        """The environment: none of ours, folders of this home."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOKI_", "OPENAI_"))}
        dropped = {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"}
        clean = {k: v for k, v in kept.items() if k not in dropped}
        ours = {f"LOKI_{kind}_DIR": str(self.folder) for kind in ("CONFIG", "CACHE", "STATE")}
        return {**clean, **ours, "HOME": str(self.folder), **self.environ}

    def start(
        self, *words: str, prog: str = "loki-pipe", **options: Any
    ) -> subprocess.Popen[bytes]:
        """A command that is running."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [str(BIN / prog), *words], env=self.variables(), **{**pipes, **options}
        )

    def run(self, *words: str, stdin: bytes | str | None = None, prog: str = "loki-pipe") -> Done:
        """A command from start to end; without stdin it is /dev/null."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        source = subprocess.DEVNULL if given is None else subprocess.PIPE
        with self.start(*words, prog=prog, stdin=source) as process:
            out, err = process.communicate(given, timeout=60)
        return Done(process.returncode, out.decode(), err.decode())

    def call(self, *words: str, stdin: bytes | str | None = None, prog: str = "loki-pipe") -> Done:
        """Call a command in this process: as run, but for start-up, signals, pipes and exit."""
        if prog == "loki-batch":  # writes to the streams of its process
            return self.run(*words, stdin=stdin, prog=prog)
        given = stdin.encode() if isinstance(stdin, str) else stdin
        out, err = (TextIOWrapper(BytesIO(), "utf-8", errors="replace") for _ in range(2))
        with in_this_process(self.variables(), given):
            code = run_guarded(prog, [*words], out, err)
        return Done(code, *(text_in(stream) for stream in (out, err)))

    def peak(self, *words: str, prog: str, stdin: IO[bytes]) -> int:
        """The most memory that a command took, in KiB; what it prints is dropped.

        A small process starts it: a new one counts the memory of its parent as its own.
        """
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(BIN / prog), *words],
            env=self.variables(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            timeout=120,
            check=True,
        )
        return int(done.stdout)


MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@contextmanager
def in_this_process(environ: Mapping[str, str], stdin: bytes | None) -> Iterator[None]:
    """Make this process a new one for a while: other variables, another stdin."""
    before, handler, own_stdin = dict(os.environ), signal.getsignal(signal.SIGTERM), sys.stdin
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    with TextIOWrapper(
        open(os.devnull, "rb") if stdin is None else tempfile.TemporaryFile()
    ) as file:
        if stdin is not None:
            file.buffer.write(stdin)
            file.buffer.seek(0)
        sys.stdin = file
        try:
            yield
        finally:
            sys.stdin = own_stdin
            os.environ.clear()
            os.environ.update(before)
            time.tzset()
            signal.signal(signal.SIGTERM, handler)


def text_in(stream: TextIOWrapper) -> str:
    """Return what was written to a stream in memory."""
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, BytesIO)
    return buffer.getvalue().decode()


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def indent(text: str, by: int) -> str:
    """Lines further in, each with its end."""
    return "".join(" " * by + line + "\n" for line in text.splitlines())


def with_environ(home: Home, environ: Mapping[str, str]) -> Home:
    """The same home with other variables."""
    return Home(home.folder, {**home.environ, **environ})
