"""Config -> Config: Bedrock clients without a region get that of their AWS profile."""

from __future__ import annotations

import os
from collections.abc import Mapping

from loki.record import replace
from loki.records import Client, Config, Setting


def with_regions(config: Config, environ: Mapping[str, str]) -> Config:
    """Return the configuration; AWS's own files are read only if a region is missing."""
    if not any(lacks_region(client) for client in config.clients):
        return config
    return replace(
        config,
        clients=tuple(
            with_region(client, environ) if lacks_region(client) else client
            for client in config.clients
        ),
    )


def lacks_region(client: Client) -> bool:
    """Return whether a client is of Bedrock and has no region."""
    return client.type == "bedrock" and "region" not in client.settings


def with_region(client: Client, environ: Mapping[str, str]) -> Client:
    """Return the client with its profile's region, if that has one."""
    setting = client.settings.get("profile")
    names = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")  # in botocore's order
    named = next((environ[name] for name in names if environ.get(name)), "default")
    profile = setting.value if setting else named
    for variable, default, patterns in PLACES:
        path = os.path.expanduser(environ.get(variable) or default)
        sections = {pattern.format(profile) for pattern in patterns}
        region = read_region(path, sections | ({"default"} & {profile}))
        if region:
            setting = Setting(region, "literal", f"{path}, profile {profile}")
            return replace(client, settings={**client.settings, "region": setting})
    return client


def read_region(path: str, sections: set[str]) -> str:
    """Return the region in the first of some sections of a file, empty if there is none."""
    if not os.path.isfile(path):
        return ""
    from configparser import Error, RawConfigParser

    parser = RawConfigParser(default_section="", strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (Error, OSError, ValueError):
        return ""  # botocore reports the file's fault if it is needed
    return next((parser[name].get("region", "") for name in parser if name in sections), "").strip()


#: Variable, default path, and patterns of a profile's section, for each file in turn.
PLACES = (
    ("AWS_CONFIG_FILE", "~/.aws/config", ("profile {}", 'profile "{}"', "profile '{}'")),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", ("{}",)),
)
