"""Where Google's credentials are looked for, and what of them nobody should see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from returns.result import Success
from support import config

from loki.edge.auth.google import CredentialFile, find_credential_file, gcloud_file, secrets_in
from loki.records import Client

VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"


def vertex(**settings: str) -> Client:
    """Return a client of Vertex AI."""
    (client,) = config({"type": "vertexai", "project_id": "p", **settings}).clients
    return client


def files(folder: Path) -> dict[str, str]:
    """Write one file for each place where credentials may be; their paths."""
    (folder / "gcloud").mkdir()
    paths = {name: str(folder / name) for name in ("setting", "variable")}
    paths["gcloud"] = str(folder / "gcloud" / "application_default_credentials.json")
    for name, path in paths.items():
        Path(path).write_text(name)
    return paths


def test_a_setting_goes_before_the_variable_and_both_before_gcloud(tmp_path: Path) -> None:
    paths = files(tmp_path)
    gcloud = {"CLOUDSDK_CONFIG": str(tmp_path / "gcloud")}
    named = {**gcloud, VARIABLE: paths["variable"]}
    cases = {
        "setting": (vertex(adc_file=paths["setting"]), named),
        "variable": (vertex(), named),
        "gcloud": (vertex(), gcloud),
    }
    for name, (client, environ) in cases.items():
        assert find_credential_file(client, environ) == Success(
            CredentialFile(paths[name], name.encode())
        )


def test_without_a_file_this_machine_is_asked(tmp_path: Path) -> None:
    assert find_credential_file(vertex(), {"CLOUDSDK_CONFIG": str(tmp_path)}) == Success(
        CredentialFile("", b"")
    )


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    path = str(tmp_path / "none.json")
    problem = find_credential_file(vertex(), {VARIABLE: path}).failure()
    assert (problem.kind, problem.message) == ("auth", f"{VARIABLE}: no file {path}")


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    problem = find_credential_file(vertex(), {VARIABLE: str(tmp_path)}).failure()
    assert problem.kind == "auth" and problem.message.startswith(f"{VARIABLE}: cannot read ")


def test_gcloud_has_its_usual_folder() -> None:
    usual = "~/.config/gcloud/application_default_credentials.json"
    assert gcloud_file({}) == usual and gcloud_file({"CLOUDSDK_CONFIG": ""}) == usual


SECRETS: list[tuple[Any, list[str]]] = [
    ({"refresh_token": "r", "client_secret": "s", "client_id": "c"}, ["r", "s"]),
    ({"private_key": "k", "client_email": "e"}, ["k"]),
    ({"source_credentials": {"source_credentials": {"private_key": "k"}}}, ["k"]),
    ({"private_key": 7}, []),
    ({}, []),
    ([], []),
    (None, []),
]


@pytest.mark.parametrize(("expected", "secrets"), SECRETS)
def test_the_secrets_of_a_file_are_found_at_any_depth(expected: Any, secrets: list[str]) -> None:
    assert list(secrets_in(expected)) == secrets
