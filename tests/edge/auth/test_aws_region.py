"""The region of a Bedrock client that names none: that of its AWS profile, from AWS's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loki.config.build_config import build_config
from loki.edge.auth.aws_region import with_regions
from loki.records import Config


def placed(folder: Path, client: dict[str, Any], **environ: str) -> Config:
    """Return a configuration with its regions; AWS's files are in a folder."""
    files = {
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
    }
    known = build_config({"clients": [{"type": "bedrock", **client}]}, "config.yaml", {}).unwrap()
    return with_regions(known, {**files, **environ})


def region(config: Config) -> str | None:
    """Return the region of the only client."""
    setting = config.clients[0].settings.get("region")
    return setting.value if setting else None


FILES: list[tuple[dict[str, str], dict[str, str], dict[str, str], str | None]] = [
    ({"config": "[default]\nregion = eu-west-1\n"}, {}, {}, "eu-west-1"),
    ({"credentials": "[default]\nregion = eu-west-2\n"}, {}, {}, "eu-west-2"),
    (
        {
            "config": "[default]\nregion = eu-west-1\n",
            "credentials": "[default]\nregion = eu-west-2\n",
        },
        {},
        {},
        "eu-west-1",
    ),
    ({"config": "[profile dev]\nregion = us-east-2\n"}, {"profile": "dev"}, {}, "us-east-2"),
    ({"config": "[profile 'dev']\nregion = us-east-2\n"}, {"profile": "dev"}, {}, "us-east-2"),
    ({"config": '[profile "dev"]\nregion = us-east-2\n'}, {"profile": "dev"}, {}, "us-east-2"),
    ({"config": "[dev]\nregion = us-east-2\n"}, {"profile": "dev"}, {}, None),
    ({"credentials": "[dev]\nregion = us-east-2\n"}, {"profile": "dev"}, {}, "us-east-2"),
    ({"config": "[profile dev]\nregion = us-east-2\n"}, {}, {"AWS_PROFILE": "dev"}, "us-east-2"),
    (
        {"config": "[profile dev]\nregion = a\n[profile ops]\nregion = b\n"},
        {},
        {"AWS_PROFILE": "dev", "AWS_DEFAULT_PROFILE": "ops"},  # botocore takes this one first
        "b",
    ),
    (
        {"config": "[profile dev]\nregion = a\n[profile ops]\nregion = b\n"},
        {"profile": "dev"},
        {"AWS_DEFAULT_PROFILE": "ops"},
        "a",
    ),
    ({"config": "[default]\noutput = json\n"}, {}, {}, None),
    ({"config": "no section at all"}, {}, {}, None),
    ({"config": "[default]\nregion = \n"}, {}, {}, None),
    ({}, {}, {}, None),
]


@pytest.mark.parametrize(("files", "client", "environ", "expected"), FILES)
def test_the_region_is_that_of_the_profile(
    tmp_path: Path,
    files: dict[str, str],
    client: dict[str, str],
    environ: dict[str, str],
    expected: str | None,
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert region(placed(tmp_path, client, **environ)) == expected


def test_where_it_came_from_is_said(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\n")
    setting = placed(tmp_path, {}).clients[0].settings["region"]
    assert setting.origin == f"{tmp_path / 'config'}, profile default"


def test_a_region_that_is_named_stays(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\n")
    assert region(placed(tmp_path, {"region": "us-west-2"})) == "us-west-2"


def test_clients_of_other_types_have_no_region(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\n")
    config = build_config({"clients": [{"type": "openai"}]}, "config.yaml", {}).unwrap()
    assert with_regions(config, {"AWS_CONFIG_FILE": str(tmp_path / "config")}) is config
