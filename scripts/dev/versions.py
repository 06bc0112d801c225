"""The tests of sending, against the versions of requests and urllib3 that setup.cfg permits.

python scripts/dev/versions.py    # `make matrix`: the oldest, one between and the newest

Each has an environment of its own, .venv/matrix-*, with a Python of its own: 3.11 for the oldest,
the newest that this machine has for the newest (`make matrix PYTHONS="/a/python /b/python"` names
them). Only loki/edge/http/ goes below the surface of
requests, and these tests tell whether a release of either has broken it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("pytest>=8.3", "pytest-timeout>=2.3.1", "hypothesis>=6.100", "responses>=0.25")
TESTS = (
    *("tests/edge/http", "tests/edge/test_send.py", "tests/edge/test_connection.py"),
    *("tests/edge/test_network.py", "tests/edge/test_proxies.py", "tests/edge/test_faults.py"),
    *("tests/cli/test_streams.py", "tests/cli/test_deadlines.py"),
)
BETWEEN = ("requests==2.32.5", "urllib3==2.5.0")
OLDEST_PYTHON, NEWEST_PYTHON = 11, 20  # minor numbers; the last is where to begin to look


def floors() -> tuple[str, ...]:
    """Return the oldest requests and urllib3 that setup.cfg permits, as pip wants them."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    needs = config["options"]["install_requires"]
    found = re.findall(r"^(requests|urllib3)(?:\[\w+\])? >= ([\d.]+)$", needs, re.MULTILINE)
    return tuple(f"{name}=={version}" for name, version in found)


def pythons() -> list[str]:
    """Return the Pythons that loki runs on, oldest first: PYTHONS, else what lies on the path."""
    named = os.environ.get("PYTHONS", "").split()
    names = named or [f"python3.{minor}" for minor in range(OLDEST_PYTHON, NEWEST_PYTHON)]
    found = [path for path in map(shutil.which, names) if path and runs(path)]
    return found or [sys.executable]


def runs(python: str) -> bool:
    """Return whether a Python does more than lie on the path, as a version manager's may."""
    probe = subprocess.run([python, "-c", "import venv"], capture_output=True)
    return probe.returncode == 0


def environment(name: str, python: str, packages: tuple[str, ...]) -> str:
    """Return the Python of an environment with some packages, made anew if they changed."""
    folder = ROOT / ".venv" / f"matrix-{name}"
    inner, made = str(folder / "bin" / "python"), folder / "made"
    wanted = "\n".join((python, *TOOLS, *packages, (ROOT / "setup.cfg").read_text()))
    if not made.exists() or made.read_text() != wanted:
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        pip = [inner, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*pip, "--editable", str(ROOT), *TOOLS, *packages], check=True)
        made.write_text(wanted)
    return inner


def tested(name: str, python: str, packages: tuple[str, ...]) -> bool:
    """Return whether the tests pass in an environment; say which it is."""
    inner = environment(name, python, packages)
    told = "import sys, requests, urllib3; print(sys.version.split()[0], requests.__version__,"
    subprocess.run([inner, "-c", f"{told} urllib3.__version__)"], check=True)
    command = [inner, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    return subprocess.run(command, cwd=ROOT).returncode == 0


def main() -> int:
    """Run all of them, or those that are named; the exit code."""
    found = pythons()
    middle = found[len(found) // 2]
    rows = {
        "oldest": (found[0], floors()),
        "between": (middle, BETWEEN),
        "newest": (found[-1], ("requests", "urllib3")),
    }
    names = sys.argv[1:] or list(rows)
    failed = [name for name in names if not tested(name, *rows[name])]
    if failed:
        print(f"failed with {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
