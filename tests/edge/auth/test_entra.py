"""Why Entra gave no token: nobody is logged in, nobody could be asked, or it said no."""

from __future__ import annotations

import pytest
from support import config

from loki.edge.auth.entra import ADVICE, to_problem

(CLIENT,) = config({"type": "azure-openai", "name": "az", "api_base": "https://a"}).clients
CHAIN = "DefaultAzureCredential failed to retrieve a token from the included credentials."
REST = "\nTo mitigate this issue, please refer to the troubleshooting guidelines"

WHY: list[tuple[str, int, str, str]] = [
    (
        f"{CHAIN}\nAttempted credentials:\n\tEnvironment: unavailable\n\tCli: not found{REST}",
        2,
        "auth",
        f"client 'az' has no Entra credentials: {ADVICE}",
    ),
    (
        f"{CHAIN}\nAttempted credentials:\n\tEnvironment: AADSTS7000215: Invalid secret.{REST}",
        2,
        "auth",
        "client 'az': no Entra token: Environment: AADSTS7000215: Invalid secret.",
    ),
    ("AADSTS700016: No such app.", 1, "auth", "client 'az': no Entra token: AADSTS700016: No such"),
    (
        f"{CHAIN}\nAttempted credentials:\n\tEnvironment: Failed to resolve 'login.example'{REST}",
        2,
        "offline",
        "client 'az': no connection to Entra: Failed to resolve 'login.example'",
    ),
    (
        "HTTPSConnection: [Errno 111] Connection refused",
        1,
        "offline",
        "client 'az': no connection to Entra: Connection refused",
    ),
]


@pytest.mark.parametrize(("message", "sources", "kind", "words"), WHY)
def test_why_there_is_no_token_is_said_on_one_line(
    message: str, sources: int, kind: str, words: str
) -> None:
    problem = to_problem(message, sources, CLIENT)
    assert problem.kind == kind and problem.message.startswith(words)
    assert "\n" not in problem.message and len(problem.message) < 400
