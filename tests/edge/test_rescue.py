"""Files for what has no other place."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from loki.edge.rescue import keep_text, make_rescue_file


def test_a_rescue_file_is_in_its_folder_and_ours_alone(tmp_path: Path) -> None:
    handle, path = make_rescue_file(str(tmp_path / "state"), "loki-pipe", ".txt")
    os.close(handle)
    assert Path(path).parent == tmp_path / "state"
    assert Path(path).name.startswith("loki-pipe-") and path.endswith(".txt")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(tmp_path / "state").st_mode & 0o777 == 0o700


def test_where_the_folder_cannot_be_had_it_is_among_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    handle, path = make_rescue_file(str(tmp_path / "file" / "state"), "loki-batch")
    os.close(handle)
    assert Path(path).parent == tmp_path


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc on this machine")
def test_a_disk_without_room_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = str(tmp_path / "full")
    write = os.write

    def write_unless_full(handle: int, data: bytes) -> int:
        if os.readlink(f"/proc/self/fd/{handle}").startswith(full):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data)

    monkeypatch.setattr(os, "write", write_unless_full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    handle, path = make_rescue_file(full, "loki-batch")
    assert Path(path).parent == tmp_path and os.listdir(full) == []
    assert os.fstat(handle).st_size == 0
    os.close(handle)


def test_a_text_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = Path(keep_text(str(tmp_path / "state"), "loki-pipe", "caf\u00e9 \ud800"))
    assert path.parent == tmp_path / "state" and path.read_bytes() == "caf\u00e9 ?".encode()
    assert path.stat().st_mode & 0o777 == 0o600
