"""Tokens and keys from the clouds' own packages: real sockets, real files, real processes."""

from __future__ import annotations

import base64
import datetime
import json
import os
import shlex
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from certificates import signed
from commands import Home
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from returns.result import Result
from servers import Asked, Script, Server, attended, plain, read_request, serving
from support import auth_context

from loki.config.build_config import build_config
from loki.edge.auth import aws, entra, google
from loki.edge.auth.auth_method import auth_method
from loki.edge.auth.aws_region import with_regions
from loki.edge.auth.credentials import find_credentials
from loki.problems import Problem
from loki.providers import PROVIDERS
from loki.records import Ask, Client, Dialect, Draft, Limits, Model, Target

Environ = dict[str, str]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start each test like a new process of a user without any credentials."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [*os.environ]:
        if name.startswith((*google.VARIABLES, *entra.VARIABLES, "CLOUDSDK_")) or name.endswith(
            "_PROXY"
        ):
            monkeypatch.delenv(name)


@pytest.fixture
def environ(tmp_path: Path) -> Environ:
    """Return variables with which no source has credentials, and no test waits for one."""
    return {
        "LOKI_CACHE_DIR": str(tmp_path / "cache"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_GCE_CHECK": "true",
        "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
    }


def client(entry: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Client:
    """Return a configured client."""
    return (
        build_config({"clients": [dict(entry)]}, "config.yaml", environ or {}).unwrap().clients[0]
    )


VERTEX = {"type": "vertexai", "name": "gcp/eu", "project_id": "p"}
BEDROCK = {"type": "bedrock", "region": "us-east-1"}
AZURE = {"type": "azure-openai", "api_base": "https://res.example", "auth": "entra"}


def write_file(path: Path, content: Any) -> str:
    """Write a file, and make its folder; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def form(asked: Asked) -> dict[str, str]:
    """Return the fields of a form."""
    return {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}


def granted(*tokens: str) -> list[Script]:
    """Return the answers of a token endpoint."""
    return [
        plain({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})
        for token in tokens
    ]


# ---- a proxy that answers in the names of others -----------------------------------------------


@contextmanager
def posing(folder: Path, *scripts: Script | Callable[[Asked], Script]) -> Iterator[Server]:
    """Run a proxy for some hosts, whose certificate is trusted by way of ``folder``/ca.pem."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified(folder))
    server = Server(list(scripts))

    def serve(connection: socket.socket) -> None:
        asked = read_request(connection)
        if asked is None or not asked.line.startswith("CONNECT "):
            connection.close()
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            server.serve(context.wrap_socket(connection, server_side=True))
        except OSError:
            return

    with attended(serve) as server.port:
        yield server


HOSTS = ("oauth2.googleapis.com", "login.microsoftonline.com", "iamcredentials.googleapis.com")


def certified(folder: Path) -> Path:
    """Write a key with its certificate, and the authority's into ca.pem."""
    key, authority = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loki tests")])
    own = signed(name, authority, name, authority, authority=True)
    (folder / "ca.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOSTS[0])])
    theirs = signed(subject, key, name, authority, hosts=HOSTS)
    (folder / "host.pem").write_bytes(private + theirs.public_bytes(serialization.Encoding.PEM))
    return folder / "host.pem"


# ---- Google: where credentials are found ---------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """Return the private key of a service account."""
    return rsa.generate_private_key(65537, 2048)


def service_account(key: rsa.RSAPrivateKey, address: str, email: str = "a@b.example") -> Any:
    """Return the file that Google issues for a service account."""
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": private.decode(),
        "client_email": email,
        "token_uri": f"{address}/token",
    }


USER = {
    "type": "authorized_user",
    "client_id": "c.example",
    "client_secret": "s-MARKED",
    "refresh_token": "r-MARKED",
}


def external_account(folder: Path, address: str) -> Any:
    """Return a workload identity: another issuer's token in a file is exchanged for Google's."""
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/b",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{address}/sts",
        "credential_source": {"file": write_file(folder / "subject", "subject-token")},
    }


def asserted(asked: Asked, key: rsa.RSAPrivateKey) -> Any:
    """Return the claims of a service account after checking their signature."""
    words = form(asked)["assertion"]
    head, claims, signature = (
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in words.split(".")
    )
    signed = words.rpartition(".")[0].encode()
    key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    return json.loads(claims)


def test_a_service_account_signs_for_its_token(
    key: rsa.RSAPrivateKey, tmp_path: Path, environ: Environ
) -> None:
    with serving(*granted("tok-1")) as server:
        path = write_file(tmp_path / "sa.json", service_account(key, server.address))
        context = auth_context(environ)
        assert google.token(client({**VERTEX, "adc_file": path}), context).unwrap() == "tok-1"
    claims = asserted(server.asked[0], key)
    assert claims["iss"] == "a@b.example" and claims["scope"] == google.SCOPE


def test_another_one_s_token_is_exchanged(tmp_path: Path, environ: Environ) -> None:
    result = {"access_token": "tok-1", "issued_token_type": "a", "token_type": "B", "expires_in": 9}
    with serving(plain(result)) as server:
        path = write_file(tmp_path / "wif.json", external_account(tmp_path, server.address))
        environ["GOOGLE_APPLICATION_CREDENTIALS"] = path
        assert google.token(client(VERTEX), auth_context(environ)).unwrap() == "tok-1"
    assert form(server.asked[0])["subject_token"] == "subject-token"
    assert form(server.asked[0])["scope"] == google.SCOPE


def test_a_user_s_token_is_renewed_through_the_client_s_own_proxy_and_authority(
    tmp_path: Path, environ: Environ
) -> None:
    write_file(tmp_path / ".config/gcloud/application_default_credentials.json", USER)
    with posing(tmp_path, *granted("tok-1")) as server:
        extra = {"proxy": server.address, "ca_bundle": str(tmp_path / "ca.pem")}
        context = auth_context(environ)
        assert google.token(client({**VERTEX, "extra": extra}), context).unwrap() == "tok-1"
    assert server.asked[0].headers["host"] == "oauth2.googleapis.com"
    assert form(server.asked[0])["refresh_token"] == "r-MARKED"


def test_a_user_s_token_may_speak_for_a_service_account(tmp_path: Path, environ: Environ) -> None:
    host = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
    adc = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"{host}/a@b.example:generateAccessToken",
        "source_credentials": USER,
        "delegates": [],
    }
    late = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat()
    given = {"accessToken": "tok-2", "expireTime": late[:19] + "Z"}
    with posing(tmp_path, *granted("tok-1"), plain(given)) as server:
        extra = {"proxy": server.address, "ca_bundle": str(tmp_path / "ca.pem")}
        path = write_file(tmp_path / "imp.json", adc)
        context = auth_context(environ)
        found = google.token(client({**VERTEX, "adc_file": path, "extra": extra}), context)
    assert found.unwrap() == "tok-2"
    assert server.asked[1].headers["authorization"] == "Bearer tok-1"


ORDER = ["adc_file", "GOOGLE_APPLICATION_CREDENTIALS", "gcloud"]


@pytest.mark.parametrize("first", ORDER)
def test_the_nearest_source_is_taken(
    first: str, key: rsa.RSAPrivateKey, tmp_path: Path, environ: Environ
) -> None:
    entry: dict[str, Any] = dict(VERTEX)
    with serving(*granted("tok-1")) as server:
        for name in ORDER[ORDER.index(first) :]:
            path = tmp_path / name / "application_default_credentials.json"
            where = write_file(path, service_account(key, server.address, email=name))
            if name == "adc_file":
                entry[name] = where
            else:
                variable = "CLOUDSDK_CONFIG" if name == "gcloud" else name
                environ[variable] = str(path.parent) if name == "gcloud" else where
        google.token(client(entry), auth_context(environ)).unwrap()
    assert asserted(server.asked[0], key)["iss"] == first


def machine(asked: Asked) -> Script:
    """Answer as Google's metadata server does."""
    flavour = "Metadata-Flavor: Google\r\n"
    if "/token" in asked.line:
        result = {"access_token": "tok-m", "expires_in": 3600, "token_type": "Bearer"}
        return plain(result, headers=flavour)
    if "service-accounts" in asked.line:
        return plain({"email": "m@b.example", "scopes": [], "aliases": []}, headers=flavour)
    return plain(b"", headers=flavour)


GOOGLE_PROBE = """
import json, os, sys
from loki.edge.auth import google
from loki.edge.auth.auth_context import AuthContext
from loki.config.build_config import build_config
from loki.redaction.redactor import Redactor
client = build_config({"clients": [json.loads(sys.argv[1])]}, "c", {}).unwrap().clients[0]
found = google.token(client, AuthContext(dict(os.environ), Redactor()))
print(json.dumps([found.value_or(""), "google.auth" in sys.modules]))
"""


def probed(home: Home, entry: Mapping[str, Any]) -> Any:
    """Return a token, and whether google-auth was loaded, in a process of its own."""
    words = [sys.executable, "-c", GOOGLE_PROBE, json.dumps(entry)]
    done = subprocess.run(words, env=home.variables(), capture_output=True, timeout=30)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def test_a_machine_of_google_s_asks_its_own_server_past_every_proxy(home: Home) -> None:
    with serving(machine) as server:
        home.environ |= {
            "GCE_METADATA_HOST": server.address[7:],
            "GCE_METADATA_IP": server.address[7:],
            "http_proxy": "http://127.0.0.1:9",
        }
        extra = {"extra": {"proxy": "http://127.0.0.1:9"}}
        assert probed(home, {**VERTEX, **extra}) == ["tok-m", True]
        asked = len(server.asked)
        assert probed(home, VERTEX)[0] == "tok-m" and len(server.asked) in (asked, asked + 1)


def test_a_laptop_does_not_wait_for_a_server_that_it_does_not_have(environ: Environ) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        where = f"127.0.0.1:{nobody.getsockname()[1]}"
        del environ["NO_GCE_CHECK"], environ["AWS_EC2_METADATA_DISABLED"]
        environ["GCE_METADATA_HOST"] = where
        environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"http://{where}"
        started = time.monotonic()
        assert google.token(client(VERTEX), auth_context(environ)).failure().kind == "auth"
        halfway = time.monotonic()
        assert aws.keys(client(BEDROCK), auth_context(environ)).failure().kind == "auth"
        assert halfway - started < 2.5 and time.monotonic() - halfway < 3


def test_a_token_is_kept_for_the_next_run_which_loads_nothing_of_google_s(
    key: rsa.RSAPrivateKey, home: Home
) -> None:
    with serving(*granted("tok-1", "tok-2")) as server:
        path = write_file(home.folder / "sa.json", service_account(key, server.address))
        entry = {**VERTEX, "adc_file": path}
        assert probed(home, entry) == ["tok-1", True]
        assert probed(home, entry) == ["tok-1", False]
        assert len(server.asked) == 1
        (kept,) = (home.folder / "google").glob("*.json")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        write_file(home.folder / "sa.json", service_account(key, server.address, "other@b.example"))
        assert probed(home, entry) == ["tok-2", True]  # whoever is somebody else now


def test_a_refused_token_is_not_given_again(
    key: rsa.RSAPrivateKey, tmp_path: Path, environ: Environ
) -> None:
    with serving(*granted("tok-1", "tok-2")) as server:
        path = write_file(tmp_path / "sa.json", service_account(key, server.address))
        me = client({**VERTEX, "adc_file": path})
        result = [
            google.token(me, auth_context(environ), refused).unwrap()
            for refused in ("", "tok-1", "", "tok-1")
        ]
    assert result == ["tok-1", "tok-2", "tok-2", "tok-2"]


# ---- Google: what is said when there is none -----------------------------------------------------

NOBODY = "http://127.0.0.1:9"

DAMAGED: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "no token: "),
    "no object": ([1], "no token: "),
    "nothing": ("", "no token: "),
    "an unknown kind": ({"type": "other"}, "does not have a valid type"),
    "a kind that is none": ({"type": ["service_account"]}, "no token: "),
    "too little": ({"type": "authorized_user"}, "missing fields"),
    "no key": ({"type": "service_account", "client_email": "a", "token_uri": "b"}, "private_key"),
    "a bad key": (
        {"type": "service_account", "client_email": "a", "token_uri": "b", "private_key": "k-MARK"},
        "no token: ",
    ),
    "a key that is none": (
        {"type": "service_account", "client_email": 1, "token_uri": 2, "private_key": 3},
        "no token: ",
    ),
    "a bad source": ({"type": "external_account", "credential_source": 3}, "no token: "),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_named(case: str, tmp_path: Path, environ: Environ) -> None:
    content, expected = DAMAGED[case]
    path = write_file(tmp_path / "adc.json", content)
    problem = google.token(client({**VERTEX, "adc_file": path}), auth_context(environ)).failure()
    assert problem.kind == "auth" and problem.message.startswith(f"{path}: ")
    assert expected in problem.message and "\n" not in problem.message
    assert "k-MARK" not in problem.message


def test_what_could_be_set_is_said(tmp_path: Path, environ: Environ) -> None:
    nothing = google.token(client(VERTEX), auth_context(environ)).failure()
    for word in ("gcp/eu", "gcloud auth application-default login", "adc_file", "GOOGLE_APPLI"):
        assert word in nothing.message
    lost = google.token(client({**VERTEX, "adc_file": "/no/such"}), auth_context(environ)).failure()
    assert lost.message == "config.yaml clients[0].adc_file: no file /no/such"
    gone = google.token(
        client(VERTEX), auth_context({**environ, "GOOGLE_APPLICATION_CREDENTIALS": "/no"})
    ).failure()
    assert gone.message == "GOOGLE_APPLICATION_CREDENTIALS: no file /no"
    context = auth_context(environ)
    folder = google.token(client({**VERTEX, "adc_file": str(tmp_path)}), context).failure()
    assert "is a directory" in folder.message
    assert {each.kind for each in (nothing, lost, gone, folder)} == {"auth"}


def test_a_token_endpoint_is_quoted_when_it_refuses_and_named_when_it_is_away(
    key: rsa.RSAPrivateKey, tmp_path: Path, environ: Environ
) -> None:
    result = {"error": "invalid_grant", "error_description": "Account has been deleted"}
    with serving(plain(result, 400)) as server:
        path = write_file(tmp_path / "sa.json", service_account(key, server.address))
        me = client({**VERTEX, "adc_file": path, "extra": {"connect_timeout": 2}})
        refused = google.token(me, auth_context(environ)).failure()
    assert (refused.kind, refused.message) == (
        "auth",
        f"{path}: no token: invalid_grant: Account has been deleted",
    )
    write_file(tmp_path / "sa.json", service_account(key, NOBODY))
    away = google.token(me, auth_context(environ)).failure()
    assert away.kind == "offline" and f"no connection to {NOBODY[7:]}: " in away.message


def test_what_a_token_endpoint_repeats_of_a_secret_is_not_shown(
    tmp_path: Path, environ: Environ
) -> None:
    def refusal(asked: Asked) -> Script:
        result = {"error": "invalid_grant", "error_description": asked.body.decode()}
        return plain(result, 400)

    with posing(tmp_path, refusal) as server:
        extra = {"proxy": server.address, "ca_bundle": str(tmp_path / "ca.pem")}
        path = write_file(tmp_path / "user.json", USER)
        me = client({**VERTEX, "adc_file": path, "extra": extra})
        problem = google.token(me, auth_context(environ)).failure()
    assert form(server.asked[0])["client_secret"] == USER["client_secret"]
    assert "invalid_grant" in problem.message and "MARKED" not in problem.message


# ---- AWS -----------------------------------------------------------------------------------------


def profile(folder: Path, text: str, name: str = "config") -> None:
    """Write a configuration file of AWS."""
    write_file(folder / ".aws" / name, text)


def keys_of(result: Result[dict[str, str], Problem]) -> tuple[str, ...]:
    """Return the keys to sign with."""
    return tuple(result.unwrap().values())


PROCESS = "import json; print(json.dumps({'Version': 1, 'AccessKeyId': 'PK', %s}))"
PRINTED = "'SecretAccessKey': 'ps', 'SessionToken': 'pt'"
SCRIPT = f"{shlex.quote(sys.executable)} -c {shlex.quote(PROCESS % PRINTED)}"

PROFILES: dict[str, tuple[str, str, Environ, tuple[str, ...]]] = {
    "static": (
        "",
        "[default]\naws_access_key_id = AK\naws_secret_access_key = sk\naws_session_token = st\n",
        {},
        ("AK", "sk", "st"),
    ),
    "the variable's": (
        "[profile dev]\nregion = us-west-2\n",
        "[dev]\naws_access_key_id = DK\naws_secret_access_key = ds\n",
        {"AWS_PROFILE": "dev"},
        ("DK", "ds"),
    ),
    "a process": (
        f"[profile dev]\ncredential_process = {SCRIPT}\n",
        "",
        {"AWS_PROFILE": "dev"},
        ("PK", "ps", "pt"),
    ),
}


@pytest.mark.parametrize("case", PROFILES)
def test_a_profile_gives_keys(case: str, tmp_path: Path, environ: Environ) -> None:
    config, credentials, variables, keys = PROFILES[case]
    profile(tmp_path, config)
    profile(tmp_path, credentials, "credentials")
    before = dict(os.environ)
    context = auth_context({**environ, **variables})
    assert keys_of(aws.keys(client(BEDROCK), context)) == keys
    assert dict(os.environ) == before  # what was changed is as it was
    assert set(keys) <= context.redactor.known.keys()


def assumed(action: str) -> Script:
    """Return an answer of the token service."""
    late = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat()
    keys = "<AccessKeyId>RK</AccessKeyId><SecretAccessKey>rs</SecretAccessKey>"
    parts = f"{keys}<SessionToken>rt</SessionToken><Expiration>{late}</Expiration>"
    inner = f"<{action}Result><Credentials>{parts}</Credentials></{action}Result>"
    space = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
    return plain(f"<{action}Response {space}>{inner}</{action}Response>".encode())


def test_a_role_is_taken_once_for_all_processes(tmp_path: Path, environ: Environ) -> None:
    profile(
        tmp_path,
        "[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = BK\naws_secret_access_key = bs\n",
    )
    with serving(assumed("AssumeRole")) as server:
        result = {**environ, "AWS_ENDPOINT_URL_STS": server.address}
        for _ in "ab":
            assert keys_of(
                aws.keys(client({**BEDROCK, "profile": "dev"}), auth_context(result))
            ) == (
                "RK",
                "rs",
                "rt",
            )
    assert len(server.asked) == 1 and "Credential=BK/" in server.asked[0].headers["authorization"]
    (kept,) = (tmp_path / "cache/aws").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_another_one_s_token_becomes_a_role(tmp_path: Path, environ: Environ) -> None:
    with serving(assumed("AssumeRoleWithWebIdentity")) as server:
        environ |= {
            "AWS_ENDPOINT_URL_STS": server.address,
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
            "AWS_WEB_IDENTITY_TOKEN_FILE": write_file(tmp_path / "jwt", "web-token"),
        }
        assert keys_of(aws.keys(client(BEDROCK), auth_context(environ))) == ("RK", "rs", "rt")
    assert form(server.asked[0])["WebIdentityToken"] == "web-token"


@pytest.mark.parametrize("proxied", [True, False])
def test_aws_is_asked_by_the_client_s_own_proxy_or_by_none(
    proxied: bool, tmp_path: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(assumed("AssumeRoleWithWebIdentity")) as server:
        environ |= {
            "AWS_ENDPOINT_URL_STS": "http://sts.example" if proxied else server.address,
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
            "AWS_WEB_IDENTITY_TOKEN_FILE": write_file(tmp_path / "jwt", "web-token"),
        }
        monkeypatch.setenv("http_proxy", NOBODY)
        own = {"extra": {"proxy": server.address if proxied else "-"}}
        context = auth_context(environ)
        assert keys_of(aws.keys(client({**BEDROCK, **own}), context)) == ("RK", "rs", "rt")
    assert server.asked[0].line.split()[1] == ("http://sts.example/" if proxied else "/")


def test_a_container_is_asked_with_its_own_token(environ: Environ) -> None:
    result = {"AccessKeyId": "CK", "SecretAccessKey": "cs", "Token": "ct"}
    late = {"Expiration": "2099-01-01T00:00:00Z"}
    with serving(plain({**result, **late})) as server:
        environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{server.address}/keys"
        environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "pod"
        context = auth_context(environ)  # asked once for all calls of an Env
        for _ in "ab":
            assert keys_of(aws.keys(client(BEDROCK), context)) == ("CK", "cs", "ct")
    (asked,) = server.asked
    assert asked.line.startswith("GET /keys ") and asked.headers["authorization"] == "pod"


def instance(asked: Asked) -> Script:
    """Answer as the metadata server of an AWS machine does."""
    if asked.line.startswith("PUT "):
        return plain(b"session")
    if "/security-credentials/role" not in asked.line:
        return plain(b"role")
    result = {"Code": "Success", "AccessKeyId": "IK", "SecretAccessKey": "is", "Token": "it"}
    return plain({**result, "Expiration": "2099-01-01T00:00:00Z"})


def test_a_machine_of_aws_s_has_keys(environ: Environ) -> None:
    del environ["AWS_EC2_METADATA_DISABLED"]
    with serving(instance) as server:
        environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server.address
        assert keys_of(aws.keys(client(BEDROCK), auth_context(environ))) == ("IK", "is", "it")


SSO = (
    "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n"
    "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example/start\n"
)

LOST: dict[str, tuple[str, Environ, list[str]]] = {
    "nothing": ("", {}, ["has no AWS credentials", "aws configure", "profile", "access_key_id"]),
    "no such profile": ("", {"AWS_PROFILE": "dev"}, ["'dev'", "could not be found"]),
    "half a key": ("[profile dev]\naws_access_key_id = AK\n", {}, ["Partial credentials"]),
    "not logged in": (SSO, {}, ["SSO", "`aws sso login --profile dev`"]),
    "a failing process": (
        "[profile dev]\ncredential_process = sh -c 'echo no luck >&2; exit 3'\n",
        {},
        ["no luck"],
    ),
    "a process that is not there": (
        "[profile dev]\ncredential_process = /no/such/program\n",
        {},
        ["/no/such/program"],
    ),
    "a process that chats": ("[profile dev]\ncredential_process = echo hello\n", {}, ["'dev'"]),
    "a damaged file": ("[profile dev\n", {}, ["Unable to parse config file"]),
    "a role in a circle": (
        "[profile dev]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = two\n"
        "[profile two]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = dev\n",
        {},
        ["nfinite loop"],
    ),
    "a role without a source": (
        "[profile dev]\nrole_arn = arn:aws:iam::1:role/r\n",
        {},
        ["source_profile"],
    ),
}


@pytest.mark.parametrize("case", LOST)
def test_aws_s_own_words_say_why_there_are_no_keys(
    case: str, tmp_path: Path, environ: Environ
) -> None:
    config, variables, expected = LOST[case]
    profile(tmp_path, config)
    entry = BEDROCK if variables or not config else {**BEDROCK, "profile": "dev"}
    problem = aws.keys(client(entry), auth_context({**environ, **variables})).failure()
    assert problem.kind == "auth" and "'bedrock'" in problem.message
    assert "\n" not in problem.message
    for word in expected:
        assert word in problem.message


def test_a_refusing_and_an_absent_token_service_are_told_apart(
    tmp_path: Path, environ: Environ
) -> None:
    profile(
        tmp_path,
        "[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = BK\naws_secret_access_key = bs\n",
    )
    me = client({**BEDROCK, "profile": "dev"})
    error = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not you</Message></Error>"
    with serving(plain(error + b"</ErrorResponse>", 403)) as server:
        environ["AWS_ENDPOINT_URL_STS"] = server.address
        refused = aws.keys(me, auth_context(environ)).failure()
    assert refused.kind == "auth" and "AccessDenied" in refused.message
    assert "Not you" in refused.message
    away = aws.keys(me, auth_context({**environ, "AWS_ENDPOINT_URL_STS": NOBODY})).failure()
    assert away.kind == "offline" and NOBODY in away.message


# ---- AWS: which of several counts ----------------------------------------------------------------

OWN = {"access_key_id": "OK", "secret_access_key": "os"}
SET = {"AWS_ACCESS_KEY_ID": "EK", "AWS_SECRET_ACCESS_KEY": "es"}
BEARER = {"AWS_BEARER_TOKEN_BEDROCK": "eb"}

WAYS: dict[str, tuple[dict[str, str], Environ, str]] = {
    "nothing set": ({}, {}, "aws"),
    "the environment's keys": ({}, SET, ""),
    "the environment's key": ({}, BEARER, ""),
    "a profile before the environment": ({"profile": "dev"}, {**SET, **BEARER}, "aws"),
    "a profile of the client's variable": ({}, {**SET, "BEDROCK_PROFILE": "dev"}, "aws"),
    "the variable for all profiles says nothing": ({}, {**SET, "AWS_PROFILE": "dev"}, ""),
    "the client's keys before its profile": ({"profile": "dev", **OWN}, SET, ""),
    "the client's token before its profile": ({"profile": "dev", "api_key": "k"}, {}, ""),
    "the client's variable before its profile": ({"profile": "dev"}, {"BEDROCK_API_KEY": "k"}, ""),
    "what auth says": ({"auth": "aws", **OWN}, SET, "aws"),
}


@pytest.mark.parametrize("case", WAYS)
def test_what_is_nearest_to_the_client_counts(case: str) -> None:
    entry, environ, expected = WAYS[case]
    assert auth_method(client({**BEDROCK, **entry}, environ), PROVIDERS["bedrock"]) == expected


def test_the_way_of_aws_needs_a_region_and_a_service_that_signs() -> None:
    openai = client({"type": "openai", "auth": "aws"})
    context = auth_context({})
    problem = find_credentials(draft_to(openai), PROVIDERS["openai"], context).failure()
    assert problem.kind == "config" and "auth: aws is not for openai" in problem.message
    nowhere = client({"type": "bedrock", "profile": "dev", "api_base": "https://a.example"})
    context = auth_context({})
    problem = find_credentials(draft_to(nowhere), PROVIDERS["bedrock"], context).failure()
    assert problem.kind == "config" and "needs a region" in problem.message


def draft_to(client: Client) -> Draft:
    """Return any draft to a client."""
    target = Target(Ask(), client, Model("m", "m"), Dialect(), Limits())
    return Draft(target, "https://a.example", {}, {})


REGIONS: dict[str, tuple[dict[str, str], Environ, str | None]] = {
    "the default profile's": ({"type": "bedrock"}, {}, "eu-west-1"),
    "a named profile's": ({"type": "bedrock", "profile": "dev"}, {}, "eu-west-2"),
    "a profile in quotes": ({"type": "bedrock", "profile": "a b"}, {}, "eu-west-3"),
    "the variable's profile": ({"type": "bedrock"}, {"AWS_PROFILE": "dev"}, "eu-west-2"),
    "of the file with keys": ({"type": "bedrock", "profile": "keys"}, {}, "eu-north-1"),
    "no profile's, a section's": ({"type": "bedrock", "profile": "other"}, {}, None),
    "no such profile": ({"type": "bedrock", "profile": "nobody"}, {}, None),
    "said by the client": (BEDROCK, {}, "us-east-1"),
    "said by the environment": ({"type": "bedrock"}, {"AWS_REGION": "us-east-2"}, "us-east-2"),
    "somebody else's": ({"type": "openai"}, {}, None),
}


@pytest.mark.parametrize("case", REGIONS)
def test_a_profile_may_say_the_region(case: str, tmp_path: Path) -> None:
    entry, environ, expected = REGIONS[case]
    profile(
        tmp_path,
        "[default]\nregion = eu-west-1\n[profile dev]\nregion = eu-west-2\n"
        '[profile "a b"]\nregion = eu-west-3\n[other]\nregion = no\n',
    )
    profile(tmp_path, "[keys]\nregion = eu-north-1\n", "credentials")
    config = build_config({"clients": [entry]}, "config.yaml", environ).unwrap()
    found = with_regions(config, environ).clients[0].settings.get("region")
    assert (found.value if found else None) == expected


@pytest.mark.parametrize("content", ["[profile", "no section", "\udcff", "[default]\nregion =\n"])
def test_a_damaged_file_of_aws_s_says_no_region(content: str, tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_bytes(content.encode("utf-8", "surrogateescape"))
    config = build_config({"clients": [{"type": "bedrock"}]}, "config.yaml", {}).unwrap()
    assert with_regions(config, {}) == config


# ---- Azure ---------------------------------------------------------------------------------------

PRINCIPAL = {
    "AZURE_TENANT_ID": "11111111-2222-3333-4444-555555555555",
    "AZURE_CLIENT_ID": "app",
    "AZURE_CLIENT_SECRET": "azure-MARKED",
}


def microsoft(asked: Asked) -> Script:
    """Run a token endpoint of Entra; yield it and the variables that lead to it."""
    host = "https://login.microsoftonline.com"
    tenant = f"{host}/{PRINCIPAL['AZURE_TENANT_ID']}"
    if "/discovery/instance" in asked.line:
        found = f"{tenant}/v2.0/.well-known/openid-configuration"
        return plain({"tenant_discovery_endpoint": found, "metadata": []})
    if ".well-known" in asked.line:
        return plain(
            {
                "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                "token_endpoint": f"{tenant}/oauth2/v2.0/token",
                "issuer": f"{tenant}/v2.0",
            }
        )
    if form(asked).get("client_secret") != "azure-MARKED":
        result = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret."}
        return plain(result, 401)
    return plain({"access_token": "entra-1", "expires_in": 3600, "token_type": "Bearer"})


def test_a_principal_of_entra_s_gets_a_token_which_is_kept(
    tmp_path: Path, environ: Environ
) -> None:
    with posing(tmp_path, microsoft) as server:
        extra = {"proxy": server.address, "ca_bundle": str(tmp_path / "ca.pem")}
        me = client({**AZURE, "extra": extra})
        assert entra.token(me, auth_context({**environ, **PRINCIPAL})).unwrap() == "entra-1"
        asked = [each for each in server.asked if each.line.startswith("POST ")]
        assert entra.token(me, auth_context({**environ, **PRINCIPAL})).unwrap() == "entra-1"
        assert [each for each in server.asked if each.line.startswith("POST ")] == asked
        assert form(asked[0])["scope"] == entra.SCOPE
        context = auth_context({**environ, **PRINCIPAL})
        assert entra.token(me, context, "entra-1").unwrap() == "entra-1"
        assert sum(each.line.startswith("POST ") for each in server.asked) == len(asked) + 1
        context = auth_context({**environ, **PRINCIPAL, "AZURE_CLIENT_SECRET": "bad"})
        wrong = entra.token(me, context).failure()
    assert wrong.kind == "auth" and "AADSTS7000215" in wrong.message
    assert "\n" not in wrong.message
    nowhere = client({**AZURE, "extra": {"proxy": NOBODY}})
    context = auth_context({**environ, **PRINCIPAL, "AZURE_CLIENT_ID": "other"})
    away = entra.token(nowhere, context).failure()
    assert away.kind == "offline" and len(away.message) < 300
    (kept,) = (tmp_path / "cache/entra").glob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_nobody_to_entra_is_told_how_to_become_somebody(environ: Environ) -> None:
    problem = entra.token(client(AZURE), auth_context(environ)).failure()
    assert problem.kind == "auth" and "az login" in problem.message
    assert "AZURE_CLIENT_SECRET" in problem.message


def test_entra_without_its_package_says_what_to_install(
    environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    problem = entra.token(client(AZURE), auth_context(environ)).failure()
    assert problem.kind == "config" and "pip install '.[azure]' in loki's folder" in problem.message


# ---- real commands -------------------------------------------------------------------------------

GEMINI = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Hello."}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 3, "totalTokenCount": 5},
}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 2, "outputTokens": 3, "totalTokens": 5},
}


def test_a_pipe_speaks_to_vertex_and_renews_a_refused_token(
    key: rsa.RSAPrivateKey, home: Home
) -> None:
    answers = [plain(GEMINI), plain({"error": {"message": "no"}}, 401), plain(GEMINI)]
    with serving(*granted("tok-1", "tok-2")) as token, serving(*answers) as server:
        path = write_file(home.folder / "sa.json", service_account(key, token.address))
        home.configure(
            "clients:\n  - type: vertexai\n    project_id: p\n"
            f"    api_base: {server.address}\n    adc_file: {path}\n    models:\n      - name: m\n"
        )
        for _ in "ab":
            done = home.run("-S", "-m", "vertexai:m", "Hi")
            assert (done.code, done.out, done.err) == (0, "Hello.\n", "")
    proofs = [each.headers["authorization"] for each in server.asked]
    assert proofs == ["Bearer tok-1", "Bearer tok-1", "Bearer tok-2"]


def test_a_pipe_speaks_to_bedrock_by_a_profile_of_its_env_file(home: Home) -> None:
    profile(home.folder, f"[profile dev]\nregion = eu-west-2\ncredential_process = {SCRIPT}\n")
    write_file(home.folder / ".env", "AWS_PROFILE=dev\n")
    with serving(plain(CONVERSE)) as server:
        home.configure(f"clients:\n  - type: bedrock\n    api_base: {server.address}\n")
        home.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        done = home.run("-S", "-m", "bedrock:amazon.nova-lite-v1:0", "Hi")
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")
    (asked,) = server.asked
    assert "Credential=PK/" in asked.headers["authorization"]
    assert "/eu-west-2/bedrock/" in asked.headers["authorization"]
    assert asked.headers["x-amz-security-token"] == "pt"


def test_a_pipe_speaks_to_azure_by_a_principal(home: Home) -> None:
    result = {"choices": [{"index": 0, "message": {"content": "Hello."}, "finish_reason": "stop"}]}
    with posing(home.folder, microsoft) as proxy, serving(plain(result)) as server:
        home.configure(
            f"clients:\n  - type: azure-openai\n    auth: entra\n    api_base: {server.address}\n"
            f"    extra:\n      ca_bundle: {home.folder}/ca.pem\n"
        )
        home.environ |= {**PRINCIPAL, "https_proxy": proxy.address}
        done = home.run("-S", "-m", "azure-openai:gpt-4o", "Hi")
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")
    (asked,) = server.asked
    assert asked.headers["authorization"] == "Bearer entra-1" and "api-key" not in asked.headers


def test_a_pipe_without_any_keys_of_aws_s_says_so_in_one_line(home: Home) -> None:
    home.configure("clients:\n  - type: bedrock\n    region: eu-west-1\n    profile: dev\n")
    done = home.run("-m", "bedrock:amazon.nova-lite-v1:0", "Hi")
    assert (done.code, done.out, done.err.count("\n")) == (77, "", 1)
    assert "could not be found" in done.err
    dry = home.run("-m", "bedrock:amazon.nova-lite-v1:0", "--dry-run", "Hi")
    assert dry.code == 0 and dry.json["headers"]["Authorization"] == "***"


# ---- time for everything -------------------------------------------------------------------------


def ends_in_time(source: Callable[[Client, Environ], Result[Any, Problem]], who: Client) -> Problem:
    """Return the problem after a limit of one second, though the package would wait for twenty."""
    started = time.monotonic()
    problem = source(replace(who, limits=replace(who.limits, deadline=started + 1)), {}).failure()
    assert problem.kind == "offline" and time.monotonic() - started < 4
    return problem


def test_google_s_token_that_drips_ends_with_the_time(
    tmp_path: Path, environ: Environ, key: rsa.RSAPrivateKey
) -> None:
    drip = [step for _ in range(100) for step in (0.2, b"a")]
    with serving([b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", *drip]) as server:
        file = write_file(tmp_path / "account.json", service_account(key, server.address))
        who = client({**VERTEX, "adc_file": file})
        ends_in_time(lambda who, _: google.token(who, auth_context(environ)), who)


def test_a_process_that_gives_aws_keys_ends_with_the_time(tmp_path: Path, environ: Environ) -> None:
    profile(tmp_path, "[profile dev]\ncredential_process = sleep 6\n")
    who = client(BEDROCK)
    problem = ends_in_time(
        lambda who, _: aws.keys(who, auth_context({**environ, "AWS_PROFILE": "dev"})), who
    )
    assert "total timeout" in problem.message
