"""Files of the cache: believed only where nobody but the user and root can have written them."""

from __future__ import annotations

import grp
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest
from commands import Home
from servers import ANSWER, serving

from loki.edge.config_cache import read_config
from loki.edge.files import DATED, directory, read_catalogue, synced_catalogue_file

NOBODY = 65534
PLAIN = "model: a:b\nclients:\n  - type: openai\n    api_key: '{{KEY}}'\n"


@dataclass
class Place:
    """A configuration, and in a cache folder what somebody says was read from it."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def planted(self) -> Path:
        (file,) = self.cache.glob("config-*.json")
        return file

    @property
    def environ(self) -> dict[str, str]:
        return {"LOKI_CACHE_DIR": str(self.cache)}

    def plant(self) -> None:
        """Read the configuration once, and change what was kept of it."""
        (self.folder / "config.yaml").write_text(PLAIN)
        assert self.model() == "a:b"
        kept = json.loads(self.planted.read_text())
        kept["plain"]["model"] = "planted:m"
        self.planted.write_text(json.dumps(kept))

    def model(self) -> object:
        found = read_config(str(self.folder / "config.yaml"), self.environ).unwrap()
        return found and found["model"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.plant()
    return made


def link(place: Place) -> None:
    """Put a link where the file was."""
    file = place.planted
    file.symlink_to(file.rename(place.folder / "elsewhere"))


def open_to_group(path: Path, group: int) -> None:
    """Let a group write a file or a folder."""
    os.chown(path, -1, group)
    path.chmod(path.stat().st_mode | 0o060)


def open_to_own_group(place: Place) -> None:
    """Let the user's private group write everything; most systems have one for each user."""
    user = pwd.getpwuid(os.geteuid())
    group = grp.getgrgid(user.pw_gid)
    if group.gr_name != user.pw_name or set(group.gr_mem) - {user.pw_name}:
        pytest.skip("the user has no group of their own")
    open_to_group(place.planted, user.pw_gid)
    open_to_group(place.cache, user.pw_gid)


Change = Callable[[Place], None]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
BELIEVED: dict[str, Change] = {
    "as it was made": lambda place: None,
    "a file that all can read": lambda place: place.planted.chmod(0o644),
    "a folder that all can read": lambda place: place.cache.chmod(0o755),
    "both, where the user's own group can write them": open_to_own_group,
}
WRITABLE: dict[str, Change] = {
    "a file that all can write": lambda place: place.planted.chmod(0o666),
    "a folder that all can write": lambda place: place.cache.chmod(0o777),
    "a folder like that of temporary files": lambda place: place.cache.chmod(0o1777),
    "a link": link,
}
GIVEN: dict[str, Change] = {
    "another's file": lambda place: os.chown(place.planted, NOBODY, -1),
    "another's folder": lambda place: os.chown(place.cache, NOBODY, -1),
    "a file that another group can write": lambda place: open_to_group(place.planted, NOBODY),
    "a folder that another group can write": lambda place: open_to_group(place.cache, NOBODY),
}
IGNORED = [
    *[pytest.param(change, id=name) for name, change in WRITABLE.items()],
    *[pytest.param(change, id=name, marks=as_root) for name, change in GIVEN.items()],
]


@pytest.mark.parametrize("name", BELIEVED)
def test_what_only_the_user_can_have_kept_is_believed(place: Place, name: str) -> None:
    BELIEVED[name](place)
    assert place.model() == "planted:m"


@pytest.mark.parametrize("change", IGNORED)
def test_what_another_can_have_written_is_not_believed(place: Place, change: Change) -> None:
    change(place)
    assert place.model() == "a:b"


@as_root
def test_nothing_is_written_into_a_folder_of_another(place: Place) -> None:
    os.chown(place.cache, NOBODY, -1)
    before = place.planted.read_text()
    assert place.model() == "a:b"
    assert [file.read_text() for file in place.cache.iterdir()] == [before]
    place.planted.unlink()
    assert place.model() == "a:b"
    assert not list(place.cache.iterdir())


@as_root
def test_a_file_of_another_in_the_users_folder_is_replaced(place: Place) -> None:
    os.chown(place.planted, NOBODY, -1)
    place.model()
    assert place.planted.stat().st_uid == os.geteuid()
    assert json.loads(place.planted.read_text())["plain"]["model"] == "a:b"


@pytest.mark.parametrize("change", IGNORED[1:3])
def test_a_catalogue_that_another_can_have_written_is_not_believed(
    place: Place, change: Change
) -> None:
    ours = read_catalogue({"LOKI_CACHE_DIR": "/nowhere"})
    newer = ours.replace(ours[:DATED], ours[: DATED - 10] + "2999-01-01", 1)
    Path(synced_catalogue_file(place.environ)).write_text(newer)
    assert read_catalogue(place.environ) == newer
    change(place)
    assert read_catalogue(place.environ) == ours


# ---- through the command -------------------------------------------------------------------------


def plant_command(home: Home, address: str) -> Path:
    """Keep a configuration whose key comes from a command; return the file that it makes."""
    home.local(address, client="api_key: '{{KEY}}'")
    cache = home.folder / "shared"
    home.environ |= {"KEY": "k", "LOKI_CACHE_DIR": str(cache)}
    assert home.run("Hi").code == 0
    (file,) = cache.glob("config-*.json")
    kept, mark = json.loads(file.read_text()), home.folder / "mark"
    (client,) = kept["plain"]["clients"]
    del client["api_key"]
    client["api_key_cmd"] = f"touch {mark}; echo k"
    file.write_text(json.dumps(kept))
    return mark


@pytest.mark.parametrize("mode, is_run", [(0o700, True), (0o777, False)])
def test_a_command_is_run_only_for_a_cache_that_nobody_else_can_write(
    home: Home, mode: int, is_run: bool
) -> None:
    with serving(ANSWER) as server:
        mark = plant_command(home, server.address)
        (home.folder / "shared").chmod(mode)
        assert home.run("Hi").code == 0
    assert mark.exists() == is_run


@as_root
def test_a_command_that_another_user_planted_is_not_run(home: Home) -> None:
    with serving(ANSWER) as server:
        mark = plant_command(home, server.address)
        for each in (home.folder / "shared", *(home.folder / "shared").iterdir()):
            os.chown(each, NOBODY, NOBODY)
        assert home.run("Hi").code == 0
    assert not mark.exists()


def test_check_reads_the_file_not_what_was_kept_of_it(place: Place) -> None:
    home = Home(place.folder, place.environ)
    file = place.folder / "config.yaml"
    before = file.stat()
    file.write_text(PLAIN.replace("model:", "medal:"))  # of the same size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert place.model() == "planted:m"
    done = home.run("--check", prog="loki")
    assert done.code == 78 and "medal" in done.err


@pytest.mark.skipif(sys.platform != "linux", reason="XDG's variables are of Linux")
@pytest.mark.parametrize("kind", ["config", "cache", "state"])
@pytest.mark.parametrize("base", ["/base", "/base/", "relative", " ", ""])
def test_a_folder_of_the_user_is_where_platformdirs_says(
    monkeypatch: pytest.MonkeyPatch, kind: str, base: str
) -> None:
    monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", base)
    usual: str = getattr(platformdirs, f"user_{kind}_dir")("loki", appauthor=False)
    assert directory(kind, {}) == usual
    assert directory(kind, {f"LOKI_{kind.upper()}_DIR": "/own"}) == "/own"


@pytest.mark.skipif(sys.platform != "linux", reason="XDG's variables are of Linux")
def test_platformdirs_is_not_loaded_where_the_environment_names_the_folders(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom loki.edge.files import directory\n"
        "names = [directory(kind, {}) for kind in ('config', 'cache', 'state')]\n"
        "print(*names, 'platformdirs' in sys.modules)"
    )
    bases = {f"XDG_{kind}_HOME": f"/{kind}" for kind in ("CONFIG", "CACHE", "STATE")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **bases},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "/CONFIG/loki /CACHE/loki /STATE/loki False\n"
