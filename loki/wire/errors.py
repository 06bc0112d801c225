"""Status, headers, body -> Problem: what a provider says when it does not answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from loki.json_text import Json
from loki.problems import Kind, Problem, excerpt, excerpt_bytes
from loki.wire.protocol import get_in
from loki.wire.provider_json import parse_json

LONGEST = 2000  # characters of a provider's sentence
LONGEST_NAME = 200  # of its code, and of a request id


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """Return the Problem of an error: the provider's sentence, code and request id, and our kind.

    >>> read_error(401, {}, b'{"error": {"message": "Bad key.", "code": "invalid_api_key"}}')
    ... # doctest: +ELLIPSIS
    Problem(kind='auth', message='Bad key.', status=401, code='invalid_api_key', ...)
    """
    try:
        parsed = parse_json(body)
    except (ValueError, RecursionError):
        parsed = None
    code, provider_sentence = read_code_and_message(parsed)
    code = code or amazon_code(headers)
    sentence = explain_status(status, headers) or provider_sentence
    shown = sentence or excerpt_bytes(body, 300) or "an answer without a reason"
    kind = "quota" if is_out_of_credit(status, provider_sentence) else kind_of(status, code)
    unknown_model = status in (400, 404) and code not in CODES and refuses_model(parsed)
    kind = "config" if unknown_model and kind == "input" else kind
    body_request_id = get_in(parsed, "request_id")
    told_id = request_id(headers) or body_request_id
    return Problem(
        kind=kind,
        message=shorten(shown if sentence else f"HTTP {status}: {shown}", LONGEST),
        status=status,
        code=code and shorten(code, LONGEST_NAME),
        request_id=shorten(told_id, LONGEST_NAME) if isinstance(told_id, str) else None,
        sent=True,
        retryable=kind in ("busy", "offline") and status != 407,
        unknown_model=unknown_model and kind == "config",
    )


def refuses_model(parsed: Json) -> bool:
    """Return whether an error names the model as the parameter that is wrong.

    >>> refuses_model({"error": {"message": "Not here.", "param": "model"}})
    True
    """
    match parsed:
        case {"error": {"param": "model"}} | {"param": "model"}:
            return True
        case _:
            return False


def shorten(text: str, most: int) -> str:
    """Return a text as it is, or its beginning and ``…`` (see ``excerpt``, which also folds it).

    >>> shorten("one\\ntwo", 7), shorten("one\\ntwo", 5)
    ('one\\ntwo', 'one\\nt…')
    """
    return text if len(text) <= most else f"{text[:most]}…"


def explain_status(status: int, headers: Mapping[str, str]) -> str:
    """Return our sentence for an answer of a proxy or a redirect, empty for all others.

    >>> explain_status(307, {"location": "https://other.example/"})
    'redirected to https://other.example/, which is not followed'
    """
    if status == 407:
        return "the proxy wants a user name and a password, or others than these, in its address"
    if 300 <= status < 400:
        return f"redirected to {headers.get('location', 'nowhere')}, which is not followed"
    return ""


def is_out_of_credit(status: int | None, sentence: str) -> bool:
    """Return whether an account is out of credit, where only the sentence says so.

    >>> is_out_of_credit(400, "Your credit balance is too low to access the Anthropic API.")
    True
    >>> is_out_of_credit(429, "You exceeded your current quota. Please retry in 53s.")
    False
    """
    return status in (400, 402, 403, 429) and re.search(OUT_OF_CREDIT, sentence) is not None


def read_code_and_message(parsed: Json) -> tuple[str | None, str]:
    """Return code and sentence from any of the shapes that providers use.

    >>> read_code_and_message({"error": {"type": "overloaded_error", "message": "Busy."}})
    ('overloaded_error', 'Busy.')
    >>> read_code_and_message([{"error": {"status": "INVALID_ARGUMENT", "message": "No."}}])
    ('INVALID_ARGUMENT', 'No.')
    >>> read_code_and_message({"detail": [{"loc": ["body", "model"], "msg": "Field required"}]})
    (None, 'body.model: Field required')
    """
    match parsed:
        case [dict() as first, *_]:
            return read_code_and_message(first)
        case {"error": {"message": str(sentence)} as error}:
            return code_of(error), innermost(error) or sentence
        case {"errors": [{"message": str(sentence)} as error, *_]}:
            return code_of(error), sentence
        case {"error": str(sentence)} | {"message": str(sentence)} | {"Message": str(sentence)}:
            return code_of(parsed), sentence
        case {"detail": detail}:
            return read_detail(detail)
        case _:
            return None, ""


def unknown_answer(body: Json, what: str) -> Problem:
    """Return the Problem of an answer of status 200 with an unknown shape.

    >>> unknown_answer({"odd": 1}, "a chat completion").message
    'not a chat completion: {"odd": 1}'
    """
    return Problem("garbled", f"not {what}: {excerpt(json.dumps(body), 200)}", sent=True)


def read_detail(detail: Json) -> tuple[str | None, str]:
    """Return code and sentence from FastAPI's ``detail``, in its three shapes.

    >>> read_detail("Invalid API Key")
    (None, 'Invalid API Key')
    """
    match detail:
        case str():
            return None, detail
        case {"message": str(sentence)}:
            return code_of(detail), sentence
        case [{"loc": list(place), "msg": str(sentence)}, *_]:
            keys = (str(key) for key in place if isinstance(key, str | int))
            return None, f"{'.'.join(keys)}: {sentence}"
        case _:
            return None, ""


def code_of(error: Json) -> str | None:
    """Return the provider's most specific code; numbers, which repeat the status, come last."""
    codes = [error.get(name) for name in ("code", "status", "type", "__type")]
    known = [code for code in codes if isinstance(code, str) and code in CODES]
    if out_of_credit := next((code for code in known if CODES[code] == "quota"), None):
        return out_of_credit
    match error:
        case {"details": {"error_code": str(detail)}} if detail in CODES:
            return detail
    if isinstance(error.get("type"), str) and error["type"] in CODES:
        return str(error["type"])
    if reason := google_code(error.get("details")):
        return reason
    named = (code for code in codes if isinstance(code, str) and code and not code.isdigit())
    return next(named, None)


def google_code(details: Json) -> str | None:
    """Return Google's detail where it says more than the status: a bad key, a daily quota.

    >>> google_code([{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}])
    'API_KEY_INVALID'
    >>> google_code([{"violations": [{"quotaId": "GenerateRequestsPerDay-FreeTier"}]}])
    'PerDay'
    """
    for detail in details if isinstance(details, list) else ():
        match detail:
            case {"reason": str(reason)} if reason in CODES:
                return reason
            case {"violations": list(violations)} if "PerDay" in json.dumps(violations):
                return "PerDay"
    return None


def amazon_code(headers: Mapping[str, str]) -> str | None:
    """Return the code in AWS's header, which stands before a colon and its namespace.

    >>> amazon_code({"x-amzn-errortype": "ValidationException:http://internal.example/"})
    'ValidationException'
    """
    return headers.get("x-amzn-errortype", "").partition(":")[0] or None


def innermost(error: Json) -> str:
    """Return the message of the provider behind a router, where the router passes it on."""
    match error:
        case {"message": str(outer), "metadata": {"raw": str(raw)}} if raw:
            return f"{outer}: {excerpt(raw, 500)}"
        case _:
            return ""


def kind_of(status: int | None, code: str | None) -> Kind:
    """Return our kind, by the provider's code where it says more than the status.

    >>> kind_of(429, "insufficient_quota"), kind_of(429, None), kind_of(503, None)
    ('quota', 'busy', 'offline')
    """
    if code in CODES:
        return CODES[code]
    if status in STATUSES:
        return STATUSES[status]
    if status is not None and status < 400:
        return "config" if status >= 300 else "garbled"  # no redirect is followed
    return "offline" if status is None or status >= 500 else "input"


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the request id, for the provider's support.

    >>> request_id({"x-request-id": "req_1"})
    'req_1'
    """
    return next((headers[name] for name in REQUEST_IDS if headers.get(name)), None)


#: What providers say to an account without credit whose code or status says something else.
OUT_OF_CREDIT = (
    r"(?i)credit balance is too low|(?:run|is|are) out of credits|used all available credits"
    r"|insufficient (?:account )?(?:balance|credit|funds)|credits are depleted|no credits"
    r"|too many tokens per day|api calls ?/ ?month|free-models-per-day|daily free allocation"
)

REQUEST_IDS = (
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "x-goog-request-id",
    "x-debug-trace-id",
    "x-ds-trace-id",
    "mistral-correlation-id",
)

CODES: dict[str | None, Kind] = {
    "insufficient_quota": "quota",
    "billing_not_active": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_error": "quota",
    "contract_spend_limit_reached": "quota",
    "enforced_spend_limit_reached": "quota",
    "linked_organization_spend_limit_reached": "quota",
    "insufficient_balance": "quota",
    "insufficient_user_quota": "quota",
    "personal-team-blocked:spending-limit": "quota",
    "Arrearage": "quota",
    "1113": "quota",
    "BILLING_DISABLED": "quota",
    "exceeded_current_quota_error": "quota",
    "rate_limit_exceeded": "busy",
    "rate_limit_error": "busy",
    "overloaded_error": "busy",
    "invalid_api_key": "auth",
    "authentication_error": "auth",
    "permission_error": "auth",
    "content_filter": "refused",
    "content_policy_violation": "refused",
    "model_not_found": "config",
    "DeploymentNotFound": "config",
    "context_length_exceeded": "input",
    "API_KEY_INVALID": "auth",
    "PerDay": "quota",
    "ThrottlingException": "busy",
    "ModelNotReadyException": "busy",
    "ValidationException": "input",
    "ServiceQuotaExceededException": "quota",
    "ModelErrorException": "garbled",
    "ModelStreamErrorException": "garbled",
    "ExpiredTokenException": "auth",
    "UnrecognizedClientException": "auth",
    "InvalidSignatureException": "auth",
    "server_error": "offline",
    "bio_policy": "refused",
    "misalignment_policy_violation": "refused",
    "image_content_policy_violation": "refused",
}

STATUSES: dict[int | None, Kind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "config",
    405: "config",
    407: "offline",
    408: "offline",
    409: "busy",
    425: "busy",
    429: "busy",
    498: "auth",
    499: "offline",
    529: "busy",
}
