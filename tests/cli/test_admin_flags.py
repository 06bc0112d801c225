"""Flags of loki alone: no other command knows them."""

from __future__ import annotations

import pytest

from loki.cli.admin_flags import ADMINISTRATION
from loki.cli.commands import COMMANDS

NAMES = {name for group in ADMINISTRATION.values() for names, _ in group for name in names.split()}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_house_keeping_is_lokis_alone(command: str) -> None:
    groups = COMMANDS[command].groups.values()
    known = {name for group in groups for names, _ in group for name in names.split()}
    alike = {"loki-batch": {"--check"}, "loki-search": {"--info"}}.get(command, set())
    assert NAMES & known == (NAMES if command == "loki" else alike)
