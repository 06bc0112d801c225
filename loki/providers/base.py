"""What a provider is to us: its address, its routes, its credentials, its dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from urllib.parse import quote

from loki.record import record
from loki.records import Client, Dialect, Target, Task

#: Stands in a URL for an api_base that is looked up only when the request leaves.
SECRET_BASE = "{{api_base}}"

#: Return the name of the wire, a row of the task's table in loki.wire.
WireName = Callable[[Target], str]
#: Return the URL below a base.
Locate = Callable[[Target, str], str]
#: Return the URLs of a provider's lists of models below a base, each with the beginning of the
#: names in it.
ModelLists = Callable[[Target, str], tuple[tuple[str, str], ...]]
#: Return the headers that carry a credential.
AuthHeaders = Callable[[str], dict[str, str]]
#: Method, URL, headers, content, credentials, seconds since the epoch -> headers, signed.
Sign = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, str], float], dict[str, str]]


@record
class Route:
    """The protocol and the address for one task."""

    wire: WireName
    locate: Locate
    headers: Callable[[Target], dict[str, str]] = lambda target: {}  # beside the provider's own


@record
class OtherName:
    """Names that a provider does not know, as the original Loki lists them, and what they mean."""

    pattern: str  # of the whole name
    real_name: str  # as ``re.Match.expand`` takes it
    effort: str | None = None  # of reasoning, where an ask does not say


#: A model as it is and one that thinks, as two names.
THINKING = OtherName("(.+):thinking", r"\1", "medium")


@record
class Provider:
    """A client type. ``proofs``: credential setting -> headers, in order of preference."""

    api_base: str
    routes: Mapping[Task, Route]  # a task that is missing cannot be done
    auth_headers: Mapping[str, AuthHeaders]
    headers: Callable[[Client], dict[str, str]] = lambda client: {}
    #: The provider's own variables, by setting.
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: tuple[str, ...] = ()  # settings to sign with, where no proof is set
    more_keys: tuple[str, ...] = ()  # optional settings that complete those
    sign: Sign | None = None
    dialect: Dialect = Dialect()
    ambient_credentials: str = (
        ""  # where credentials come from if nothing is set: a row of edge/auth
    )
    needs_no_key: bool = False  # may be asked without a credential
    explain_unsupported: Callable[[Target], str] = lambda target: (
        ""
    )  # what is not configured, empty if nothing
    model_lists: ModelLists = lambda target, base: ((f"{base}/models", ""),)
    batch: str = ""  # its API for many rows at a lower price: a row of batch/api
    other_names: tuple[OtherName, ...] = ()  # the first that fits counts


def fixed_wire(name: str) -> WireName:
    """Return a function that names the same wire for every model."""
    return lambda target: name


def fixed_path(path: str) -> Locate:
    """Return a function that puts the same path below every base."""
    return lambda target, base: f"{base}/{path}"


def model_list_at(*paths: str, end: str = "") -> ModelLists:
    """Return a function that locates lists below a base, of which ``end`` is left away."""
    return lambda target, base: tuple((f"{base.removesuffix(end)}/{path}", "") for path in paths)


def header_auth(name: str) -> AuthHeaders:
    """Return a function that puts a credential into the header ``name``."""
    return lambda secret: {name: secret}


def bearer(token: str) -> dict[str, str]:
    """Return the header of a bearer token (RFC 6750)."""
    return {"Authorization": f"Bearer {token}"}


def setting_of(client: Client, name: str) -> str:
    """Return a setting's value, empty if it is not set."""
    return client.settings[name].value if name in client.settings else ""


def quoted_setting(client: Client, name: str) -> str:
    """Return a setting's value as one segment of a URL's path, empty if it is not set."""
    return quote(setting_of(client, name), safe="")
