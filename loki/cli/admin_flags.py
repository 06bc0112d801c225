"""Flags of loki alone: setup, login, secrets, models."""

from __future__ import annotations

from loki.cli.flags import flag, switch

TYPE_CHECKING = False  # typing is not needed to say --help
if TYPE_CHECKING:
    from loki.cli.flags import Group

ADMINISTRATION: dict[str, Group] = {
    "setup": [
        switch(
            "--info",
            "print the version, the paths of loki's files, the configured clients and the date of "
            "the model catalogue, one per line",
        ),
        switch(
            "--list-models",
            "list models with their limits, prices and features; with TEXT, only those whose name "
            "contains it",
        ),
        switch("--live", "with --list-models: list what each provider offers now"),
        switch(
            "--sync-models",
            "update the model catalogue (limits, prices, features) from sync_models_url, or from "
            "the default URL",
        ),
        switch(
            "--init",
            "write a starter configuration for the providers whose API keys are set, and print the "
            "next step",
        ),
        flag(
            "--check",
            "check the configuration and print every problem; online: also ask each provider which "
            "models it has",
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
            "show a manual page: that of a command, or config, python, batch-api",
            nargs="?",
            const="",
            metavar="TOPIC",
        ),
        switch("--clear-cache", "delete the answers that --cache stored"),
    ],
    "logins and secrets": [
        flag(
            "--authenticate",
            "log in with OAuth; CLIENT may be omitted if only one client uses it",
            nargs="?",
            const="",
            metavar="CLIENT",
        ),
        flag(
            "--add-secret",
            "add a secret to the vault (loki's own secret store); the value is typed, or read from "
            "stdin",
            metavar="NAME",
        ),
        flag("--get-secret", "print a secret", metavar="NAME"),
        flag("--update-secret", "change the value of a secret", metavar="NAME"),
        flag("--delete-secret", "delete a secret", metavar="NAME"),
        switch("--list-secrets", "list the names of all secrets"),
    ],
}
