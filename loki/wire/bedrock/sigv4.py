"""AWS Signature Version 4, over the exact bytes of a request, as botocore computes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote


class SigningKeys(NamedTuple):
    """A pair of keys, as botocore's signer reads it."""

    access_key: str
    secret_key: str


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes,
    credentials: Mapping[str, str],
    now: float,
) -> dict[str, str]:
    """Return the headers with a signature of the time ``now`` (seconds since the epoch).

    The signer's steps are called one by one, for ``add_auth`` would read the clock itself.

    >>> keys = {"access_key_id": "AK", "secret_access_key": "s", "region": "eu-west-1"}
    >>> signed = sign("POST", "https://a.example/model/a%3A0/converse", {}, b"{}", keys, 0)
    >>> signed["X-Amz-Date"], signed["Authorization"].split(", ")[0]
    ('19700101T000000Z', 'AWS4-HMAC-SHA256 Credential=AK/19700101/eu-west-1/bedrock/aws4_request')
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    own_headers = {**without_signature(headers), "X-Amz-Date": stamp}
    if token := credentials.get("session_token"):
        own_headers["X-Amz-Security-Token"] = token
    encoded_url = quote(url, safe="!#$%&'()*+,/:;=?@[]~")  # what is no part of a url is encoded
    request = AWSRequest(method=method, url=encoded_url, headers=own_headers, data=content)
    request.context["timestamp"] = stamp
    keys = SigningKeys(credentials["access_key_id"], credentials["secret_access_key"])
    signer = SigV4Auth(keys, "bedrock", credentials["region"])
    signature = signer.signature(
        signer.string_to_sign(request, signer.canonical_request(request)), request
    )
    covered = signer.signed_headers(signer.headers_to_sign(request))
    signature_fields = (
        f"Credential={signer.scope(request)}, SignedHeaders={covered}, Signature={signature}"
    )
    return {**own_headers, "Authorization": f"AWS4-HMAC-SHA256 {signature_fields}"}


def without_signature(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers but for those that a signature brings itself.

    >>> without_signature({"authorization": "x", "Content-Type": "application/json"})
    {'Content-Type': 'application/json'}
    """
    own = ("authorization", "date", "x-amz-date", "x-amz-security-token")
    return {name: value for name, value in headers.items() if name.lower() not in own}
