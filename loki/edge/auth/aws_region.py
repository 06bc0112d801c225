"""IMPURE. Config -> Config: Bedrock clients that name no region get that of their AWS profile."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from loki.records import Client, Config, Setting


def with_regions(config: Config, environ: Mapping[str, str]) -> Config:
    """The same configuration; AWS's own files are read only where a region is wanting."""
    if not any(wants(client) for client in config.clients):
        return config
    return replace(
        config,
        clients=tuple(
            placed(client, environ) if wants(client) else client for client in config.clients
        ),
    )


def wants(client: Client) -> bool:
    """Whether nobody said where the client's models are."""
    return client.type == "bedrock" and "region" not in client.settings


def placed(client: Client, environ: Mapping[str, str]) -> Client:
    """The client in its profile's region, if that has one."""
    said = client.settings.get("profile")
    names = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")  # in botocore's order
    profile = said.value if said else next((environ[n] for n in names if environ.get(n)), "default")
    for variable, usual, sections in PLACES:
        path = os.path.expanduser(environ.get(variable) or usual)
        own = {section.format(profile) for section in sections}
        region = region_in(path, own | ({"default"} & {profile}))
        if region:
            setting = Setting(region, "literal", f"{path}, profile {profile}")
            return replace(client, settings={**client.settings, "region": setting})
    return client


def region_in(path: str, sections: set[str]) -> str:
    """The region of one of a file's sections, empty if there is none."""
    if not os.path.isfile(path):
        return ""
    from configparser import Error, RawConfigParser

    parser = RawConfigParser(default_section="", strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (Error, OSError, ValueError):
        return ""  # botocore says what is wrong with it, if it is needed
    return next((parser[s].get("region", "") for s in parser if s in sections), "").strip()


#: Variable, usual path, and the names of a profile's section, for each file in turn.
PLACES = (
    ("AWS_CONFIG_FILE", "~/.aws/config", ("profile {}", 'profile "{}"', "profile '{}'")),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", ("{}",)),
)
