"""Target -> why its calls fail before anything is sent: every reason, as the call would say it.

A call's own steps are taken up to the network. No command is run and no token is fetched: in the
place of what they would give, and of a secret that is wrong, stands a placeholder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import starmap

from returns.result import Result, Success

from loki.edge.auth import vault
from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.auth_method import (
    KEYS,
    TOKENS,
    auth_method,
    check_credential,
    credential_name,
    extra_oauth_headers,
    matching_session_token,
    signing_region,
)
from loki.edge.auth.credentials import (
    Credentials,
    add_headers,
    with_credentials,
)
from loki.edge.auth.find_secrets import secrets_in_proxy
from loki.edge.auth.secrets import NAME, is_bare_key, look_up
from loki.edge.auth.vault_password import explain_absence, password_file
from loki.edge.http.proxies import explain_bad_proxy
from loki.edge.http.route import check_route
from loki.edge.http.transport import Transports
from loki.edge.stdin import is_pipe
from loki.problems import Problem
from loki.providers import SECRET_BASE, Provider, provider_of
from loki.record import replace
from loki.records import Client, Draft, Setting
from loki.stages.build import build, header_fault
from loki.urls import find_url_fault, is_url

#: Stands for a secret that cannot be had without running a command or asking somebody.
PLACEHOLDER = "placeholder"
ANYWHERE = "https://placeholder.invalid"


class CallCheck:
    """A client's calls, checked without a network; what was wrong with its secrets so far."""

    def __init__(self, client: Client, context: AuthContext, transports: Transports) -> None:
        """Look up each secret that a call would use; a context shared by clients opens the vault
        once.
        """
        self.client, self.context, self.transports = client, context, transports
        self.problems: dict[str, None] = {}  # of its secrets, in order
        self.notes: dict[str, None] = {}  # on secrets that are nowhere to be found
        service = provider_of(client)
        assert service is not None  # else there would be no target
        self.credentials = self.find_credentials(service)
        base = client.settings.get("api_base")
        is_late = base is not None and base.source != "literal"
        self.base = self.find(base, "api_base", ANYWHERE) if base and is_late else ""

    # ---- secrets ---------------------------------------------------------------------------------

    def find_credentials(self, service: Provider) -> Credentials:
        """Return what proves who asks, as far as it is known here; the rest is a placeholder."""
        client = self.client
        method, name = auth_method(client, service), credential_name(client, service)
        if method in TOKENS:
            extra = self.expand(extra_oauth_headers(client, service))
            return Credentials(
                headers=add_headers(service.auth_headers["access_token"](PLACEHOLDER), extra)
            )
        if method in KEYS:
            self.keep(signing_region(client, service))
            return Credentials()
        if name is not None:
            secret = self.find(client.settings[name])
            checked = self.keep(check_credential(client)(secret))
            return Credentials(headers=service.auth_headers[name](checked or PLACEHOLDER))
        if service.keys and all(key in client.settings for key in service.keys):
            names = [*service.keys, *matching_session_token(client, service)]
            return Credentials(signing={key: self.find(client.settings[key]) for key in names})
        return Credentials()

    def find(self, setting: Setting, what: str = "key", instead: str = PLACEHOLDER) -> str:
        """Return the value of a setting; another instead of one that cannot be had here."""
        if is_delayed(setting, self.context.environ):
            return instead
        if lack := find_lack(setting, self.context):
            self.notes[f"client {self.client.name!r} has no {what}: {lack}"] = None
            return instead
        return self.keep(look_up(setting, self.context)) or instead

    def expand(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return headers with every ``{{NAME}}`` in them looked up."""
        return {header: self.expand_value(header, value) for header, value in headers.items()}

    def expand_value(self, header: str, value: str) -> str:
        """Return the value of a header likewise."""

        def find(name: re.Match[str]) -> str:
            return self.find(Setting(name[1], "name", origin), f"value for {origin}")

        origin = f"header {header}"
        return re.sub(NAME, find, value)

    def keep(self, result: Result[str, Problem]) -> str:
        """Return a value, empty after its problem was kept."""
        if isinstance(result, Success):
            value: str = result.unwrap()
            return value
        self.problems[result.failure().message] = None
        return ""

    # ---- requests --------------------------------------------------------------------------------

    def request_faults(self, draft: Draft) -> Iterator[str]:
        """Yield why a draft cannot be sent: its headers, address, proxy and TLS files."""
        redactor, limits = self.context.redactor, draft.target.limits
        redactor.add(*secrets_in_proxy(limits.proxy or ""))
        url = draft.url.replace(SECRET_BASE, self.base.rstrip("/"), 1)
        headers = self.expand(draft.headers)
        ready = with_credentials(draft, url, self.credentials, headers, redactor)
        wrong = [find_url_fault(url), *starmap(header_fault, ready.headers.items())]
        yield from (f"client {self.client.name!r}: {fault}" for fault in wrong if fault)
        bare = replace(ready, url=url if is_url(url) else ANYWHERE, headers={}, credentials={})
        request = build(lambda: 0.0)(bare)
        yield from messages_of(request)
        bad_proxy = explain_bad_proxy(limits.proxy, bare.url)
        yield from filter(None, [bad_proxy])
        transport = self.transports.get(limits)
        yield from messages_of(transport)
        if isinstance(request, Success) and isinstance(transport, Success) and not bad_proxy:
            yield from messages_of(check_route(transport.unwrap(), request.unwrap(), redactor))


def messages_of(result: Result[object, Problem]) -> tuple[str, ...]:
    """Return the message of a failure, nothing of a success."""
    return () if isinstance(result, Success) else (result.failure().message,)


def is_delayed(setting: Setting, environ: Mapping[str, str]) -> bool:
    """Return whether a secret is had only from a command, or through a pipe that gives it once."""
    match setting.source:
        case "file":
            return is_pipe(os.path.expanduser(setting.value))
        case "name":
            return is_pipe(password_file(environ))
    return setting.source == "cmd"


def find_lack(setting: Setting, context: AuthContext) -> str:
    """Return why a secret is nowhere to be found, empty if it may be wrong, or right."""
    if setting.source == "file":
        path = os.path.expanduser(setting.value)
        if is_bare_key(setting.value):
            context.redactor.hide(setting.value)
        return "" if "\0" in path or os.path.lexists(path) else f"no file {setting.value}"
    if setting.source != "name":
        return ""
    names = vault.list_names(context.environ)
    if not isinstance(names, Success):
        return ""  # the vault is damaged, as a call would say
    return find_lack_of_name(setting.value, names.unwrap(), context.environ)


def find_lack_of_name(name: str, names: Collection[str], environ: Mapping[str, str]) -> str:
    """Return why ``{{NAME}}`` is nowhere to be found; ``names`` are those in the vault."""
    if name not in names:
        return "" if environ.get(name) else f"no secret and no environment variable {name}"
    if os.path.lexists(password_file(environ)):
        return ""
    return f"the vault {vault.vault_file(environ)} is locked: {explain_absence(environ)}"
