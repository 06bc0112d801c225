"""Text of a vault <-> its lines; name and value <-> ciphertext. All of it is pure.

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
from itertools import chain, repeat

from returns.result import Failure, Result, Success

from loki.problems import Problem, fail
from loki.record import record

NONCE, SALT = 12, 16  # random bytes for a value (NIST SP 800-38D, 8.2.2) and for a vault
SCRYPT = (47104, 1, 1)  # KiB of memory, passes, lanes: a 25th of a second


@record
class Vault:
    """A vault as its file has it, its values still encrypted."""

    path: str
    lines: tuple[str, ...]
    places: Mapping[str, int]  # where in ``lines`` a name stands
    salt: bytes
    check: str
    scrypt: tuple[int, int, int] = SCRYPT

    def ciphertext(self, name: str) -> str:
        """Return the encrypted value of a name, in base64."""
        return self.lines[self.places[name]].rpartition(" ")[2]


def read(text: str, path: str) -> Result[Vault, Problem]:
    """Parse the text of a vault, to the letter; ``path`` is for messages.

    >>> read("vault: 1\\nkey: none\\n", "vault.yml").failure().message
    'vault.yml:2: expected the line `key: argon2id …`; put back an earlier version of the file'
    """
    lines = tuple(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))
    numbered = [(i, line.rstrip()) for i, line in enumerate(lines) if line.strip()]
    body = [(i, line) for i, line in numbered if not line.lstrip().startswith("#")]
    is_ended = [line for _, line in body[-1:]] == [END]
    matched: list[tuple[int, re.Match[str]]] = []
    for i, expected, match in match_lines(body[:-1] if is_ended else body):
        if match is None:
            return fail("config", f"{path}:{i + 1}: {describe_fault(lines[i], expected)}")
        matched.append((i, match))
    if len(matched) < len(HEAD) or not is_ended:
        return fail(
            "config", f"{path}:{len(lines)}: the rest of the file is missing; {REPAIR_ADVICE}"
        )
    return build_vault(path, lines, matched)


def match_lines(rows: list[tuple[int, str]]) -> Iterator[tuple[int, str, re.Match[str] | None]]:
    """Yield the number of each line, what is expected there, and its match, None if it has none."""
    for (i, line), (expected, pattern) in zip(rows, chain(HEAD, repeat(ENTRY)), strict=False):
        yield i, expected, re.fullmatch(pattern, line)


def describe_fault(line: str, expected: str) -> str:
    """Return what is wrong with a line that has not the expected shape."""
    if line.startswith(("<<<<<<<", "|||||||", "=======", ">>>>>>>")):
        return "a merge is not finished: choose from its lines"
    return f"expected {expected}; {REPAIR_ADVICE}"


def build_vault(
    path: str, lines: tuple[str, ...], matched: list[tuple[int, re.Match[str]]]
) -> Result[Vault, Problem]:
    """Return the vault of lines that have the right shapes; fail if their values are wrong."""
    _, (at, key), _, *entries = matched  # as in HEAD
    cost = (int(key["m"]), int(key["t"]), int(key["p"]))
    in_limits = all(low <= n <= high for n, (low, high) in zip(cost, LIMITS, strict=True))
    salt = from_base64(key["salt"])
    if not in_limits or salt is None or key["sum"] != checksum(key["start"]):
        return fail("config", f"{path}:{at + 1}: the line of the key is damaged; {REPAIR_ADVICE}")
    places: dict[str, int] = {}
    for i, entry in entries:
        name = entry["name"]
        if name in places:
            first = f"the first is in line {places[name] + 1}"
            return fail("config", f"{path}:{i + 1}: a second {name}: {first}; delete one of them")
        places[name] = i
    return Success(Vault(path, lines, places, salt, key["check"], cost))


def new_vault(path: str, password: bytes, salt: bytes, nonce: bytes) -> Result[Vault, Problem]:
    """Return a vault without secrets."""

    def lines(key: bytes) -> tuple[str, ...]:
        m, t, p = SCRYPT
        check = encrypt(key, "", "", nonce)
        line = f"key: argon2id m={m} t={t} p={p} salt={to_base64(salt)} check={check}"
        return (HEADER_COMMENT, "vault: 1", f"{line} sum={checksum(line)}", "secrets:", END)

    return derive_key(password, salt, SCRYPT).bind(lambda key: read("\n".join(lines(key)), path))


def unlock(vault: Vault, password: bytes, place: str) -> Result[bytes, Problem]:
    """Return the key of a vault; fail if the password, from the file ``place``, is wrong."""

    def check_key(key: bytes) -> Result[bytes, Problem]:
        if decrypt(key, "", vault.check) is None:
            return fail("auth", f"wrong password in {place} for the vault {vault.path}")
        return Success(key)

    return derive_key(password, vault.salt, vault.scrypt).bind(check_key)


def value_of(vault: Vault, name: str, key: bytes) -> Result[str, Problem]:
    """Return a secret; fail if it is damaged."""
    value = decrypt(key, name, vault.ciphertext(name))
    if value is None:
        place = f"{vault.path}:{vault.places[name] + 1}"
        return fail(
            "config", f"{place}: {name} is damaged: set it again with loki --update-secret {name}"
        )
    return Success(value)


def text_with_value(vault: Vault, name: str, ciphertext: str) -> str:
    """Return the text of a vault with the encrypted value of a name; a new name in its order."""
    line = f"  {name}: {ciphertext}"
    lines = list(vault.lines)
    if name in vault.places:
        lines[vault.places[name]] = line
    else:
        later = [place for other, place in vault.places.items() if other > name]
        last = max(i for i, text in enumerate(lines) if text.rstrip() == END)
        lines.insert(min(later, default=last), line)
    return "\n".join(lines) + "\n"


def text_without_value(vault: Vault, name: str) -> str:
    """Return the text of a vault without a name."""
    lines = (line for i, line in enumerate(vault.lines) if i != vault.places[name])
    return "\n".join(lines) + "\n"


# ---- the cipher --------------------------------------------------------------------------------


def derive_key(password: bytes, salt: bytes, cost: tuple[int, int, int]) -> Result[bytes, Problem]:
    """Return the key of a password; ``cost`` is KiB of memory, passes, lanes."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    memory, passes, lanes = cost
    try:
        kdf = Argon2id(salt=salt, length=32, memory_cost=memory, iterations=passes, lanes=lanes)
        return Success(kdf.derive(password))
    except (UnsupportedAlgorithm, MemoryError) as error:
        why = " ".join(str(error).split()) or "no memory"
        return Failure(Problem("config", f"argon2id does not work on this machine: {why}"))


def encrypt(key: bytes, name: str, value: str, nonce: bytes) -> str:
    """Return the ciphertext of a value, in base64, which is good only under its own name."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return to_base64(nonce + AESGCM(key).encrypt(nonce, value.encode(), name.encode()))


def decrypt(key: bytes, name: str, ciphertext: str) -> str | None:
    """Return the value of a ciphertext, None if key, name or ciphertext is wrong."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = from_base64(ciphertext)
    if data is None or len(data) < NONCE + 16:
        return None
    try:
        return AESGCM(key).decrypt(data[:NONCE], data[NONCE:], name.encode()).decode()
    except InvalidTag:
        return None


def to_base64(data: bytes) -> str:
    """Return data in base64 on one line.

    >>> to_base64(b"ab")
    'YWI='
    """
    return b2a_base64(data, newline=False).decode()


def from_base64(text: str) -> bytes | None:
    """Return the data of a base64 text, None if it is none.

    >>> from_base64("YWI="), from_base64("YWI")
    (b'ab', None)
    """
    try:
        return a2b_base64(text, strict_mode=True)
    except Error:
        return None


def checksum(text: str) -> str:
    """Return the CRC-32 of a text in hexadecimal.

    >>> checksum("a")
    'e8b7be43'
    """
    return f"{crc32(text.encode()):08x}"


# ---- the lines ---------------------------------------------------------------------------------

NAME = r"[A-Za-z0-9_.-]+"
BASE64 = "[A-Za-z0-9+/=]"
HEADER_COMMENT = (
    "# The vault of loki. Change it with: loki --add-secret, --update-secret, --delete-secret"
)
END = "..."  # the end of a document in YAML
REPAIR_ADVICE = "put back an earlier version of the file"
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
