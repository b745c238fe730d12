"""Look at a statement without parsing it: what kind it is, where its data begin, what it must not hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stream.local.clickhouse.errors import QueryError

# Literals, quoted names and comments as the engine's lexer knows them, heredocs and curly quotes included.
_HIDDEN = re.compile(
    r"""'(?:\\.|''|[^'\\])*' | "(?:\\.|""|[^"\\])*" | `(?:\\.|``|[^`\\])*`
    | \u2018[^\u2019]*\u2019 | \u201c[^\u201d]*\u201d | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    | --[^\n]* | \#[ !][^\n]* | /\*.*?\*/""",
    re.DOTALL | re.VERBOSE,
)
_READ_WORDS = "SELECT|WITH|SHOW|DESC|DESCRIBE|EXISTS|EXPLAIN|CHECK|FROM|VALUES"
_READ = re.compile(rf"[\s\0(]*({_READ_WORDS})\b", re.IGNORECASE)
_SELECT = re.compile(r"[\s\0(]*(SELECT|WITH|FROM)\b(?!.*\bINSERT\s+INTO\b)", re.IGNORECASE | re.DOTALL)
_INSERT = re.compile(r"[\s\0]*INSERT\s+INTO\s", re.IGNORECASE)
_PAYLOAD = re.compile(
    r"""\b(?: (?P<values>VALUES)[\s\0]*(?=\(|$)
    | FORMAT\s+(?P<format>\w+)[ \t]*(?:\r?\n|;|$|(?=[\s{(\[\"']))
    | (?P<query>SELECT|WITH)\b )""",
    re.IGNORECASE | re.VERBOSE,
)
_LAST_FORMAT = re.compile(r"\bFORMAT\s+(\w+)[\s\0]*(?:SETTINGS\b[^;]*)?[;\s\0]*$", re.IGNORECASE)
_SESSION = re.compile(r"[\s\0]*(SET\b|CREATE\s+(OR\s+REPLACE\s+)?TEMPORARY|DROP\s+TEMPORARY|USE\b)", re.IGNORECASE)
_SECOND = re.compile(r";[\s\0;]*[^\s\0;]")
# Words that make the embedded engine touch this process's own files or variables. They are refused wherever
# they stand, literals included, so that no trick with quotes can hide them.
_FORBIDDEN = re.compile(r"\b(OUTFILE|INFILE|Python\s*\()", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose data are bytes in a format.

    Attributes
    ----------
    head
        The statement up to its ``FORMAT`` or ``VALUES``.
    format
        Name of the format.
    data
        The bytes.
    """

    head: str
    format: str
    data: bytes


def blank(sql: str) -> str:
    r"""Hide literals, quoted names and comments behind NULs; the length stays.

    Examples
    --------
    >>> blank("SELECT 'a' -- b").replace("\0", "_")
    'SELECT ___ ____'
    """
    return _HIDDEN.sub(lambda found: "\0" * len(found.group()), sql)


def quote(text: str) -> str:
    r"""Return a string literal.

    Examples
    --------
    >>> quote("it's")
    "'it\\'s'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def check(sql: str) -> None:
    """Refuse what a server would not run, and what the embedded engine should not.

    Raises
    ------
    QueryError
        Several statements in one, or a word that reaches files or variables of this process.
    """
    if found := _FORBIDDEN.search(sql):
        raise QueryError(48, f"{found.group(1).rstrip(' (')} is not available here. (NOT_IMPLEMENTED)")
    if _SECOND.search(blank(sql)):
        raise QueryError(62, "Syntax error: multi-statements are not allowed. (SYNTAX_ERROR)")


def reads(sql: str) -> bool:
    """Whether a statement only reads, by its first word."""
    return _READ.match(blank(sql)) is not None


def selects(sql: str) -> bool:
    """Whether a statement is a SELECT, whose rows can be streamed."""
    return _SELECT.match(blank(sql)) is not None


def changes_session(sql: str) -> bool:
    """Whether what a statement does is for later statements of the same session."""
    return _SESSION.match(blank(sql)) is not None


def last_format(sql: str) -> str | None:
    """Return the format that a statement names at its end.

    Examples
    --------
    >>> last_format("SELECT 1 FORMAT Native")
    'Native'
    """
    found = _LAST_FORMAT.search(blank(sql))
    return found.group(1) if found else None


def split_insert(sql: str, body: bytes) -> Insert | None:
    """Take apart an INSERT with data; ``None`` for inline VALUES, a SELECT, and all other statements.

    Parameters
    ----------
    sql
        The statement of the URL, or the empty string.
    body
        The body: data when the URL has a statement, else statement and data.

    Raises
    ------
    QueryError
        For ``INSERT … SELECT FROM input()``, which the embedded engine cannot do.
    """
    head = sql or body[:65_536].decode("utf-8", "ignore")
    hidden = blank(head)
    start = _INSERT.match(hidden)
    if start is None:
        return None
    found = _PAYLOAD.search(hidden, start.end())
    if found is None:
        return Insert(head, "Values", body) if sql and body else None
    if found["format"]:
        return _with_format(head, found, sql, body)
    if found["values"] and sql and body and not hidden[found.end() :].strip():
        return Insert(head[: found.start()], "Values", body)
    if found["query"] and re.search(r"\binput\s*\(", hidden, re.IGNORECASE):
        raise QueryError(48, "INSERT ... SELECT FROM input() is not supported. (NOT_IMPLEMENTED)")
    return None


def _with_format(head: str, found: re.Match[str], sql: str, body: bytes) -> Insert:
    at = len(head[: found.end()].encode())
    data = sql.encode()[at:] + body if sql else body[at:]
    return Insert(head[: found.start()], found["format"], data)
