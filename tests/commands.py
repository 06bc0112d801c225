"""The commands as a shell runs them: real processes, a configuration of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

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

    def run(self, *words: str, stdin: bytes | str = b"", prog: str = "loki-pipe") -> Done:
        """A command from start to end."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        with self.start(*words, prog=prog) as process:
            out, err = process.communicate(given, timeout=60)
        return Done(process.returncode, out.decode(), err.decode())

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
