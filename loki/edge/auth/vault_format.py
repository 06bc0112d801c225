"""PURE half of vault.py. The text of a vault <-> its lines; a name and a value <-> a sealed value.

A vault is YAML with one secret a line, so that its history can be read and its branches merged:

    vault: 1
    key: argon2id m=47104 t=1 p=1 salt=… check=… sum=…
    secrets:
      NAME: base64 of nonce, AES-256-GCM ciphertext, tag
    ...

The key comes from the password by Argon2id (RFC 9106) at a cost that OWASP's "Password Storage
Cheat Sheet" names. ``check`` is an empty text under that key, which tells a wrong password;
``sum`` is a CRC-32 of its line, which tells a damaged one.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64, crc32
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat

from returns.result import Failure, Result, Success

from loki.problems import Problem, fail

NONCE, SALT = 12, 16  # bytes of chance for a value (NIST SP 800-38D, 8.2.2) and for a vault
COST = (47104, 1, 1)  # KiB of memory, passes, lanes: a 25th of a second


@dataclass(frozen=True, slots=True)
class Vault:
    """A vault as its file says, its values still sealed."""

    path: str
    lines: tuple[str, ...]
    places: Mapping[str, int]  # where in ``lines`` a name stands
    salt: bytes
    check: str
    cost: tuple[int, int, int] = COST

    def token(self, name: str) -> str:
        """What stands behind a name."""
        return self.lines[self.places[name]].rpartition(" ")[2]


def read(text: str, path: str) -> Result[Vault, Problem]:
    """A vault, to the letter; ``path`` is for messages.

    >>> read("vault: 1\\nkey: none\\n", "vault.yml").failure().message
    'vault.yml:2: expected the line `key: argon2id …`; put back an earlier version of the file'
    """
    lines = tuple(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))
    rows = [(i, line.rstrip()) for i, line in enumerate(lines) if line.strip()]
    body = [(i, line) for i, line in rows if not line.lstrip().startswith("#")]
    ended = bool(body) and body[-1][1] == END
    found = list(matches(body[:-1] if ended else body))
    for i, what, match in found:
        if match is None and lines[i].startswith(("<<<<<<<", "|||||||", "=======", ">>>>>>>")):
            return fail("config", f"{path}:{i + 1}: a merge is not finished: choose from its lines")
        if match is None:
            return fail("config", f"{path}:{i + 1}: expected {what}; {MEND}")
    if len(found) < len(HEAD) or not ended:
        return fail("config", f"{path}:{len(lines)}: the rest of the file is missing; {MEND}")
    return understood(path, lines, [(i, match) for i, what, match in found if match])


def matches(rows: list[tuple[int, str]]) -> Iterator[tuple[int, str, re.Match[str] | None]]:
    """Every line beside what is to stand there."""
    for (i, line), (what, shape) in zip(rows, chain(HEAD, repeat(ENTRY)), strict=False):
        yield i, what, re.fullmatch(shape, line)


def understood(
    path: str, lines: tuple[str, ...], found: list[tuple[int, re.Match[str]]]
) -> Result[Vault, Problem]:
    """A vault whose lines have the right shapes."""
    at, key = found[1]
    cost = (int(key["m"]), int(key["t"]), int(key["p"]))
    within = all(low <= n <= high for n, (low, high) in zip(cost, LIMITS, strict=True))
    salt = decoded(key["salt"])
    if not within or salt is None or key["sum"] != checksum(key["start"]):
        return fail("config", f"{path}:{at + 1}: the line of the key is damaged; {MEND}")
    places: dict[str, int] = {}
    for i, entry in found[len(HEAD) :]:
        name = entry["name"]
        if name in places:
            first = f"the first is in line {places[name] + 1}"
            return fail("config", f"{path}:{i + 1}: a second {name}: {first}; delete one of them")
        places[name] = i
    return Success(Vault(path, lines, places, salt, key["check"], cost))


def fresh(path: str, password: bytes, salt: bytes, nonce: bytes) -> Result[Vault, Problem]:
    """A vault without secrets."""

    def lines(key: bytes) -> tuple[str, ...]:
        m, t, p = COST
        check = sealed(key, "", "", nonce)
        line = f"key: argon2id m={m} t={t} p={p} salt={encoded(salt)} check={check}"
        return (ABOUT, "vault: 1", f"{line} sum={checksum(line)}", "secrets:", END)

    return derived(password, salt, COST).bind(lambda key: read("\n".join(lines(key)), path))


def unlocked(vault: Vault, password: bytes, place: str) -> Result[bytes, Problem]:
    """The key of a vault; ``place`` is where the password is from."""

    def right(key: bytes) -> Result[bytes, Problem]:
        if opened(key, "", vault.check) is None:
            return fail("auth", f"wrong password in {place} for the vault {vault.path}")
        return Success(key)

    return derived(password, vault.salt, vault.cost).bind(right)


def value_of(vault: Vault, name: str, key: bytes) -> Result[str, Problem]:
    """A secret."""
    value = opened(key, name, vault.token(name))
    if value is None:
        place = f"{vault.path}:{vault.places[name] + 1}"
        return fail(
            "config", f"{place}: {name} is damaged: set it again with loki --update-secret {name}"
        )
    return Success(value)


def with_value(vault: Vault, name: str, token: str) -> str:
    """The text of a vault with a sealed value in the line of its name; new names in order."""
    line = f"  {name}: {token}"
    lines = list(vault.lines)
    if name in vault.places:
        lines[vault.places[name]] = line
    else:
        later = [place for other, place in vault.places.items() if other > name]
        last = max(i for i, each in enumerate(lines) if each.rstrip() == END)
        lines.insert(min(later, default=last), line)
    return "\n".join(lines) + "\n"


def without(vault: Vault, name: str) -> str:
    """The text of a vault without a name."""
    kept = (line for i, line in enumerate(vault.lines) if i != vault.places[name])
    return "\n".join(kept) + "\n"


# ---- the cipher --------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def derived(password: bytes, salt: bytes, cost: tuple[int, int, int]) -> Result[bytes, Problem]:
    """The key that a password makes."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    memory, passes, lanes = cost
    try:
        kdf = Argon2id(salt=salt, length=32, memory_cost=memory, iterations=passes, lanes=lanes)
        return Success(kdf.derive(password))
    except (UnsupportedAlgorithm, MemoryError) as error:
        why = " ".join(str(error).split()) or "no memory"
        return Failure(Problem("config", f"argon2id does not work on this machine: {why}"))


def sealed(key: bytes, name: str, value: str, nonce: bytes) -> str:
    """A value that opens only under its own name."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return encoded(nonce + AESGCM(key).encrypt(nonce, value.encode(), name.encode()))


def opened(key: bytes, name: str, token: str) -> str | None:
    """The value that was sealed, None where this is not it."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = decoded(token)
    if data is None or len(data) < NONCE + 16:
        return None
    try:
        return AESGCM(key).decrypt(data[:NONCE], data[NONCE:], name.encode()).decode()
    except InvalidTag:
        return None


def encoded(data: bytes) -> str:
    """Base64 on one line.

    >>> encoded(b"ab")
    'YWI='
    """
    return b2a_base64(data, newline=False).decode()


def decoded(text: str) -> bytes | None:
    """What base64 says, None where it is none.

    >>> decoded("YWI="), decoded("YWI")
    (b'ab', None)
    """
    try:
        return a2b_base64(text, strict_mode=True)
    except Error:
        return None


def checksum(text: str) -> str:
    """CRC-32, in hexadecimal.

    >>> checksum("a")
    'e8b7be43'
    """
    return f"{crc32(text.encode()):08x}"


# ---- the lines ---------------------------------------------------------------------------------

NAME = r"[A-Za-z0-9_.-]+"
BASE64 = "[A-Za-z0-9+/=]"
ABOUT = "# The vault of loki. Change it with: loki --add-secret, --update-secret, --delete-secret"
END = "..."  # the end of a document in YAML
MEND = "put back an earlier version of the file"
LIMITS = ((19456, 2**20), (1, 16), (1, 16))  # of COST: neither weak nor without end
HEAD = (
    ("the line `vault: 1`", "vault: 1"),
    (
        "the line `key: argon2id …`",
        r"(?P<start>key: argon2id m=(?P<m>\d{1,8}) t=(?P<t>\d{1,8}) p=(?P<p>\d{1,8})"
        rf" salt=(?P<salt>{BASE64}+) check=(?P<check>{BASE64}+)) sum=(?P<sum>[0-9a-f]{{8}})",
    ),
    ("the line `secrets:`", "secrets:"),
)
ENTRY = ("a name, a colon, base64", rf"  (?P<name>{NAME}): (?P<token>{BASE64}+)")
