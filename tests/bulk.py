"""The fast server of scripts/dev, as a process of its own: what it saw can be asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import urlopen

from support import ROOT


@dataclass
class Counting:
    """Where it is."""

    address: str

    @property
    def counts(self) -> dict[str, int]:
        """How many requests it has seen, and how many of them it refused."""
        with urlopen(f"{self.address}/count") as answer:
            result: dict[str, int] = json.load(answer)
        return result


@contextmanager
def bulk_server(**flags: float) -> Iterator[Counting]:
    """The server, for the length of a block."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    script = ROOT / "scripts" / "dev" / "bulk_server.py"
    with subprocess.Popen([sys.executable, script, *words], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield Counting(process.stdout.readline().decode().strip())
        finally:
            process.kill()
