"""The wheel, installed elsewhere without the checkout: all commands, all pages, all data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from sysconfig import get_paths

import pytest
from commands import Home
from servers import ANSWER, serving
from support import ROOT

from loki.cli.admin.man import pages
from loki.cli.commands import COMMANDS

pytestmark = pytest.mark.xdist_group("wheel")
COPIED = ("loki", "scripts", "setup.cfg", "pyproject.toml", "README.rst", "LICENSE")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the wheel installed in it; what it needs is that of this interpreter."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("prefix")
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", "--no-deps", "-w", str(made), str(source)]
    built = subprocess.run(build, timeout=150, capture_output=True, text=True)
    if "No matching distribution found for setuptools" in built.stderr:
        pytest.skip("no setuptools to build a wheel with: no package index answers")
    assert built.returncode == 0, built.stderr
    (wheel,) = made.glob("*.whl")
    words = ["install", *alone, "--ignore-installed", "--no-compile", "--prefix", str(made)]
    subprocess.run([*pip, *words, str(wheel)], check=True, timeout=120, capture_output=True)
    yield made


def call(prefix: Path, home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the wheel from a folder that has nothing to do with the checkout."""
    variables = {"base": str(prefix), "platbase": str(prefix)}
    site = get_paths("posix_prefix", vars=variables)["purelib"]
    return subprocess.run(
        [str(prefix / "bin" / words[0]), *words[1:]],
        env={**home.variables(), "PYTHONPATH": site},
        cwd=home.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("prog", COMMANDS)
def test_every_command_is_there(prefix: Path, home: Home, prog: str) -> None:
    done = call(prefix, home, prog, "--help")
    assert (done.returncode, done.stderr) == (0, "") and f"usage: {prog} " in done.stdout


@pytest.mark.parametrize("name", pages())
def test_every_page_is_there_for_man_and_for_loki(prefix: Path, home: Home, name: str) -> None:
    title, _, section = name.rpartition(".")
    installed = prefix / "share" / "man" / f"man{section}" / name
    assert installed.read_text() == (ROOT / "loki" / "data" / "man" / name).read_text()
    assert call(prefix, home, "loki", "--man", title).stdout.startswith(f"{title}({section})\n")


def test_it_asks_with_its_own_data(prefix: Path, home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        assert call(prefix, home, "loki-pipe", "-n", "Hi").stdout == "Hello.\n"
    listed = call(prefix, home, "loki", "--list-models").stdout
    assert listed.startswith("local:m ")
    os.unlink(home.folder / "config.yaml")
    assert "claude:claude" in call(prefix, home, "loki", "--list-models").stdout
