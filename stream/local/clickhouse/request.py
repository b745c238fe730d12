"""Read an HTTP request as a ClickHouse server does: statement, data, settings and parameters."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from stream.local.clickhouse import access, codecs
from stream.local.clickhouse import sql as text
from stream.local.clickhouse.engine import Context, External
from stream.local.clickhouse.errors import QueryError

# Parameters of the URL that are no settings of the engine. `send_logs_level` is one, but prints on stderr.
_NOT_SETTINGS = frozenset(
    [
        "query",
        "database",
        "default_format",
        "user",
        "password",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "query_id",
        "quota_key",
        "compress",
        "decompress",
        "wait_end_of_query",
        "client_protocol_version",
        "role",
        "buffer_size",
        "stacktrace",
        "add_http_cors_header",
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "framing",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
        "readonly",
        "network_compression_method",
        "send_logs_level",
    ]
)


@dataclass(frozen=True, slots=True)
class Query:
    """One statement as it was asked for.

    Attributes
    ----------
    sql
        The statement; empty for the greeting of a bare ``GET /``.
    insert
        Its data, for an INSERT that has any.
    context
        User, database, settings, parameters.
    format
        Format of the answer: the statement's own, the request's, or ``TabSeparated``.
    query_id
        The client's, or a new one.
    native
        Whether the answer is packed in ClickHouse's block format.
    accept
        Content encodings that the client takes; empty when it did not ask for compression.
    revision
        Whether the client named its protocol revision, as clickhouse-go does.
    """

    sql: str
    insert: text.Insert | None
    context: Context
    format: str
    query_id: str
    native: bool
    accept: str
    revision: bool


def query_id(request: web.Request) -> str:
    """Return the client's id of the query, or a new one."""
    return request.query.get("query_id") or str(uuid.uuid4())


async def read(request: web.Request, users: Mapping[str, access.User], known: frozenset[str], identity: str) -> Query:
    """Read a request.

    Parameters
    ----------
    users
        Who may ask.
    known
        Names of the engine's settings.
    identity
        Id of the query.

    Raises
    ------
    QueryError
        For a wrong password, an unknown setting, a statement that is not allowed.
    """
    body, files, given = await _body(request)
    user = access.log_in(users, request.headers, given)
    sql, insert = _statement(given.get("query", ""), body)
    context = _context(request, user, given=given, files=files, known=known, identity=identity)
    if context.locked and (insert is not None or (sql.strip() and not text.reads(sql))):
        raise QueryError(164, f"{user.name}: Cannot execute query in readonly mode. (READONLY)")
    wanted = given.get("default_format") or request.headers.get("X-ClickHouse-Format") or "TabSeparated"
    compressed = given.get("enable_http_compression") == "1"
    return Query(
        sql=sql,
        insert=insert,
        context=context,
        format=(text.last_format(sql) if text.reads(sql) else None) or wanted,
        query_id=identity,
        native=given.get("compress") == "1",
        accept=request.headers.get("Accept-Encoding", "") if compressed else "",
        revision="client_protocol_version" in given,
    )


async def _body(request: web.Request) -> tuple[bytes, dict[str, bytes], dict[str, str]]:
    """Return the body without its encoding, files of a form, and parameters of the URL and the form."""
    given = dict(request.query)
    if request.content_type.startswith("multipart/"):  # long parameters, external tables
        form = await request.post()
        files: dict[str, bytes] = {}
        for name, value in form.items():
            if isinstance(value, web.FileField):
                files[name] = value.file.read()
            elif isinstance(value, str):
                given[name] = value
        return b"", files, given
    body = codecs.decode(await request.read(), request.headers.get("Content-Encoding", "").lower())
    return (codecs.unpack_blocks(body) if given.get("decompress") == "1" else body), {}, given


def _statement(sql: str, body: bytes) -> tuple[str, text.Insert | None]:
    insert = text.split_insert(sql, body)
    if insert is not None:
        text.check(insert.head)
        return insert.head, insert
    rest = body.decode("utf-8", "surrogateescape")
    whole = f"{sql}\n{rest}" if sql and rest else sql or rest
    text.check(whole)
    return whole, None


def _context(
    request: web.Request,
    user: access.User,
    *,
    given: Mapping[str, str],
    files: Mapping[str, bytes],
    known: frozenset[str],
    identity: str,
) -> Context:
    params = {name[6:]: value for name, value in given.items() if name.startswith("param_")}
    settings = {
        name: value for name, value in given.items() if name not in _NOT_SETTINGS and not name.startswith("param_")
    }
    external = tuple(_external(name, data, settings) for name, data in files.items())
    for name in settings:
        if name not in known:
            raise QueryError(115, f"Unknown setting '{name}'. (UNKNOWN_SETTING)")
    settings.setdefault("log_comment", identity)
    return Context(
        user=user,
        read_only=request.method == "GET" or given.get("readonly", "0") not in ("", "0"),
        database=given.get("database") or request.headers.get("X-ClickHouse-Database") or "",
        session=f"{user.name}/{given['session_id']}" if given.get("session_id") else "",
        settings=settings,
        params=params,
        external=external,
    )


def _external(name: str, data: bytes, settings: dict[str, str]) -> External:
    if not name.isidentifier():
        raise QueryError(36, f"Name of an external table must be an identifier, got {name!r}. (BAD_ARGUMENTS)")
    types = settings.pop(f"{name}_types", "String")
    numbered = ", ".join(f"_{number} {kind}" for number, kind in enumerate(types.split(","), 1))
    structure = settings.pop(f"{name}_structure", "") or numbered
    return External(name, structure, settings.pop(f"{name}_format", "TabSeparated"), data)
