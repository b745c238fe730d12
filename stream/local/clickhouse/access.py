"""Who may ask: users with a password each, that read and write or only read, the latter within limits."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stream.local.clickhouse.errors import QueryError

READER_LIMITS = {
    "max_execution_time": 60,
    "max_result_rows": 1_000_000,
    "max_rows_to_read": 1_000_000_000,
    "max_memory_usage": 500_000_000,
    "max_threads": 2,
}
"""Upper bounds of what one statement of a reader may use: seconds, rows, rows, bytes, threads."""


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may ask.

    Attributes
    ----------
    name
        Name to log in with.
    digest
        SHA-256 of the password, hex.
    writes
        Whether statements may change anything.
    limits
        Settings in force for each statement, and the most that a request may set them to.
    """

    name: str
    digest: str
    writes: bool
    limits: Mapping[str, int] = field(default_factory=dict)


OPEN = {"default": User("default", hashlib.sha256(b"").hexdigest(), writes=True)}
"""Without a users file: one user without a password, as on a new ClickHouse server."""


def writer(name: str, password: str) -> User:
    """Return a user that reads and writes."""
    return User(name, hashlib.sha256(password.encode()).hexdigest(), writes=True)


def reader(name: str, password: str, limits: Mapping[str, int] | None = None) -> User:
    """Return a user that only reads, within `READER_LIMITS` unless others are given."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    return User(name, digest, writes=False, limits=READER_LIMITS if limits is None else limits)


def save(users: list[User], path: Path) -> None:
    """Write a users file that only its owner can read."""
    listed = [
        {
            "name": user.name,
            "password_sha256": user.digest,
            "writes": user.writes,
            "limits": dict(user.limits),
        }
        for user in users
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(listed, file, indent=1)


def load(path: Path) -> dict[str, User]:
    """Read a users file.

    Raises
    ------
    ValueError
        When it is not a list of users.
    """
    try:
        return {
            entry["name"]: User(entry["name"], entry["password_sha256"], entry["writes"], entry["limits"])
            for entry in json.loads(path.read_text())
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a users file: {error!r}") from error


def log_in(users: Mapping[str, User], headers: Mapping[str, str], query: Mapping[str, str]) -> User:
    """Return the user that a request names by header, Basic authorization or URL.

    Raises
    ------
    QueryError
        516, as a server: unknown user and wrong password are one answer.
    """
    name, password = _named(headers, query)
    user = users.get(name)
    given = hashlib.sha256(password.encode()).hexdigest()
    if user is None or not hmac.compare_digest(user.digest, given):
        raise QueryError(
            516,
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name. "
            "(AUTHENTICATION_FAILED)",
        )
    return user


def _named(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    authorization = headers.get("Authorization", "")
    if authorization[:6].lower() == "basic ":
        try:
            name, _, password = base64.b64decode(authorization[6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise QueryError(516, "Authorization header is not Basic. (AUTHENTICATION_FAILED)") from None
        return name, password
    name = headers.get("X-ClickHouse-User") or query.get("user") or "default"
    return name, headers.get("X-ClickHouse-Key") or query.get("password") or ""
