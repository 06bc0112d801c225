"""Certificates of a private authority: its own, a server's and a client's, made for a test run."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkdtemp

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

Key = ec.EllipticCurvePrivateKey
AUTHORITY = "Loki Test Authority"


@dataclass(frozen=True)
class Files:
    """Where the certificates are."""

    folder: Path

    @property
    def authority(self) -> str:
        """The authority's own certificate."""
        return str(self.folder / "authority.pem")

    def server(self, demanding: bool = False, name: str = "server") -> ssl.SSLContext:
        """What a server is given; ``demanding`` wants to see a client's certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        if demanding:
            context.load_verify_locations(self.authority)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@cache
def certificates() -> Files:
    """Made once for all tests."""
    folder = Path(mkdtemp(prefix="loki-certificates-"))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, AUTHORITY)])
    write(folder, "authority", key, signed(name, key, name, key, authority=True))
    for who, days in (("server", 2), ("client", 2), ("expired", -1)):
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, who)])
        write(folder, who, own, signed(subject, own, name, key, days=days))
    return Files(folder)


def signed(
    subject: x509.Name,
    own: Key,
    issuer: x509.Name,
    key: Key,
    authority: bool = False,
    days: int = 2,
    hosts: Sequence[str] = ("localhost",),
) -> x509.Certificate:
    """A certificate for 127.0.0.1 and some hosts, good for some days.

    It says whose key it is and whose signed it, as RFC 5280 wants and Python 3.13 insists on.
    """
    now = datetime.now(UTC)
    names = [*map(x509.DNSName, hosts), x509.IPAddress(ip_address("127.0.0.1"))]
    signs = dict.fromkeys(("key_cert_sign", "crl_sign"), authority)
    never = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    uses = {**dict.fromkeys((*never, "encipher_only", "decipher_only"), False), **signs}
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    its_own = x509.SubjectKeyIdentifier.from_public_key(own.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **uses), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(above, critical=False)
        .add_extension(its_own, critical=False)
        .sign(key, SHA256())
    )


def write(folder: Path, name: str, key: Key, certificate: x509.Certificate) -> None:
    """A certificate, its key, and its key behind a password."""
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    for ending, lock in (("key", NoEncryption()), ("locked", BestAvailableEncryption(b"secret"))):
        data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
        (folder / f"{name}.{ending}").write_bytes(data)
