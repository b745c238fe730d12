"""The HTTP server: one handler that reads a request, asks the engine and answers as ClickHouse would."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from stream.local.clickhouse import access, answers, codecs, request
from stream.local.clickhouse import sql as text
from stream.local.clickhouse.engine import Engine, Stream

LARGEST_BODY = 1 << 30
ENGINE = web.AppKey("engine", Engine)
_log = logging.getLogger(__name__)


def application(engine: Engine, users: Mapping[str, access.User]) -> web.Application:
    """Return the server's application; it closes the engine at its end."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app[ENGINE] = engine

    async def ask(asked: web.Request) -> web.StreamResponse:
        return await _ask(asked, engine, users)

    async def ping(_: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def close(_: web.Application) -> None:
        await asyncio.to_thread(engine.close)

    app.router.add_get("/ping", ping)
    app.router.add_get("/replicas_status", ping)
    app.router.add_route("*", "/", ask)
    app.on_cleanup.append(close)
    return app


def serve(path: Path, port: int, database: str, users: Mapping[str, access.User]) -> None:
    """Serve a data folder on the loopback address until SIGINT or SIGTERM."""
    engine = Engine(path, database)
    web.run_app(
        application(engine, users),
        host="127.0.0.1",
        port=port,
        print=None,
        handler_cancellation=True,
        shutdown_timeout=5,
    )


async def _ask(asked: web.Request, engine: Engine, users: Mapping[str, access.User]) -> web.StreamResponse:
    started = time.perf_counter()
    identity = request.query_id(asked)
    headers = answers.base_headers(engine, identity)
    try:
        query = await request.read(asked, users, engine.settings, identity)
        return await _answer(asked, engine, query, headers, started)
    except Exception as error:  # noqa: BLE001 - the border of the server: the engine raises only RuntimeError
        return answers.failure(error, headers, native=asked.query.get("compress") == "1")


async def _answer(
    asked: web.Request, engine: Engine, query: request.Query, headers: dict[str, str], started: float
) -> web.StreamResponse:
    if not query.sql.strip():
        return web.Response(text="Ok.\n", headers=headers)
    if query.revision and query.sql.strip() == answers.HELLO:
        greeting = answers.hello(engine.version, engine.timezone)
        return answers.whole(greeting, query, headers | {"Content-Type": "application/octet-stream"})
    headers["Content-Type"] = answers.content_type(query.format)
    if query.insert is None and text.reads(query.sql):
        headers["X-ClickHouse-Format"] = query.format
        if text.selects(query.sql) and query.format.lower() in answers.STREAMED:
            return await _Streaming(asked, engine, query, headers, started).run()
    return await _whole(engine, query, headers, started)


async def _whole(engine: Engine, query: request.Query, headers: dict[str, str], started: float) -> web.Response:
    insert = query.insert
    try:
        if insert is not None:
            answer = await engine.call(lambda: engine.insert(query.context, insert))
        else:
            answer = await engine.call(lambda: engine.run(query.context, query.sql, query.format))
    except asyncio.CancelledError:  # the client went away
        if text.reads(query.sql):
            engine.kill(query.query_id)
        raise
    headers["X-ClickHouse-Summary"] = answers.summary(started, answers.counted(answer))
    return answers.whole(answer.data, query, headers)


class _Streaming:
    """One SELECT whose rows go out as the engine finds them."""

    def __init__(
        self,
        asked: web.Request,
        engine: Engine,
        query: request.Query,
        headers: dict[str, str],
        started: float,
    ) -> None:
        self._asked, self._engine, self._query = asked, engine, query
        self._headers, self._started = headers, started
        self._rows = self._bytes = 0

    async def run(self) -> web.StreamResponse:
        """Answer whole when there is one piece, else piece by piece."""
        opening = contextlib.ExitStack()
        try:
            found = await self._engine.call(
                lambda: opening.enter_context(
                    self._engine.stream(self._query.context, self._query.sql, self._query.format)
                )
            )
            first = await self._fetch(found)
            second = await self._fetch(found) if first else b""
            self._headers["X-ClickHouse-Summary"] = self._summary(len(first))
            if not second:
                return answers.whole(first, self._query, self._headers)
            return await self._pieces(found, first, second)
        finally:
            await asyncio.shield(self._engine.call(opening.close))

    async def _pieces(self, found: Stream, first: bytes, second: bytes) -> web.StreamResponse:
        encoder = None if self._query.native else codecs.encoder(self._query.accept)
        if encoder is not None:
            self._headers["Content-Encoding"] = encoder.name
        tag = self._headers["X-ClickHouse-Exception-Tag"] = uuid.uuid4().hex[:16]
        response = web.StreamResponse(headers=self._headers)
        await response.prepare(self._asked)
        pack = encoder.update if encoder else codecs.pack_blocks if self._query.native else bytes
        finish = encoder.finish if encoder else bytes
        try:
            piece = first + second
            while piece:
                await response.write(pack(piece))
                piece = await self._fetch(found)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - the status is out: tell the client in the body, then break off
            await self._break_off(response, pack(answers.broken_off(error, tag)) + finish())
            return response
        await response.write(finish())
        await response.write_eof()
        return response

    async def _break_off(self, response: web.StreamResponse, tail: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await response.write(tail)
        if self._asked.transport is not None:
            self._asked.transport.close()

    async def _fetch(self, found: Stream) -> bytes:
        piece = await self._engine.call(found.fetch)
        if piece is None:
            return b""
        self._rows += piece.rows_read()
        self._bytes += piece.bytes_read()
        return piece.bytes() or b""

    def _summary(self, size: int) -> str:
        counts = {"read_rows": self._rows, "read_bytes": self._bytes, "result_bytes": size}
        return answers.summary(self._started, counts | {"result_rows": self._rows})
