"""Flags of loki alone: setup, login, secrets, models."""

from __future__ import annotations

from loki.cli.flags import flag, switch

TYPE_CHECKING = False  # typing is not needed to say --help
if TYPE_CHECKING:
    from loki.cli.flags import Group

ADMINISTRATION: dict[str, Group] = {
    "administration": [
        switch("--info", "print version, files, clients and catalogue, one per line"),
        switch(
            "--list-models",
            "list models with limits, prices and features; with TEXT, only those whose name "
            "contains it",
        ),
        switch("--live", "with --list-models: ask each provider for its own list"),
        switch("--sync-models", "download newer models from sync_models_url, or its default"),
        switch("--init", "write a commented starter configuration"),
        flag(
            "--check",
            "check the configuration and print every problem; online: ask each provider too",
            choices=("offline", "online"),
            metavar="[=online]",
        ),
        flag(
            "--completions",
            "print the completion script for a shell",
            choices=("bash", "zsh", "fish"),
        ),
        flag(
            "--man",
            "show the manual page of a command, config or python",
            nargs="?",
            const="",
            metavar="TOPIC",
        ),
        switch("--clear-cache", "delete the answers that --cache kept"),
    ],
    "authentication": [
        flag(
            "--authenticate",
            "log in with OAuth; CLIENT may be left out if only one client uses it",
            nargs="?",
            const="",
            metavar="CLIENT",
        ),
        flag(
            "--add-secret",
            "add a secret to the vault; its value is typed, or read from stdin",
            metavar="NAME",
        ),
        flag("--get-secret", "print a secret", metavar="NAME"),
        flag("--update-secret", "change the value of a secret", metavar="NAME"),
        flag("--delete-secret", "delete a secret", metavar="NAME"),
        switch("--list-secrets", "list the names of all secrets"),
    ],
}
