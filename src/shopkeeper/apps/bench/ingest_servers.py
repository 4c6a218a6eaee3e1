"""The servers of the ingest bench, each a process of its own on two cores at most.

Run as ``python -m shopkeeper.apps.bench.ingest_servers door|plain|ceiling FOLDER KEY [PORT]``; prints the
port it listens on and stops when its standard input ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from shopkeeper.apps.door.app import create_door
from shopkeeper.apps.flows.sources import add_source, all_sources
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.settings import load_settings


class PlainEvent(BaseModel):
    """One event as a plain receiver declares it."""

    type: str
    event: str | None = Field(default=None, max_length=500)
    messageId: str = Field(max_length=100)  # noqa: N815 - spelled as on the wire
    userId: str | None = None  # noqa: N815
    anonymousId: str | None = None  # noqa: N815
    timestamp: datetime | None = None
    properties: dict[str, Any] = Field(default_factory=dict, max_length=300)
    context: dict[str, Any] = Field(default_factory=dict)


class PlainBatch(BaseModel):
    """A batch as a plain receiver declares it."""

    batch: list[PlainEvent]
    sentAt: datetime | None = None  # noqa: N815


def plain_app(file: Path, key: str) -> FastAPI:
    """FastAPI and pydantic as one would write it: validate, append, commit, answer.

    Parameters
    ----------
    file
        SQLite file of its log, in WAL mode with full sync.
    key
        Write key.

    Returns
    -------
    FastAPI
    """
    app = FastAPI()
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, payload BLOB NOT NULL)")
    seen: set[str] = set()
    lock = threading.Lock()

    @app.post("/v1/batch")
    def take(batch: PlainBatch, authorization: str = Header()) -> dict[str, bool]:
        if not authorization.startswith("Basic "):
            raise HTTPException(401, f"send the key {key[:2]}… as Basic user")
        if any(not (x.userId or x.anonymousId) for x in batch.batch):
            raise HTTPException(422, "userId or anonymousId")
        with lock:
            fresh = [x for x in batch.batch if x.messageId not in seen]
            payload = PlainBatch(batch=fresh).model_dump_json()
            connection.execute("INSERT INTO records (payload) VALUES (?)", (payload,))
            seen.update(x.messageId for x in fresh)
        return {"success": True}

    return app


async def ceiling(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer: what the server itself costs.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    """
    if scope["type"] != "http":
        return
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"16")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"success":true}'})


async def serve(app: Any, port: int) -> None:
    """Serve until standard input ends.

    Parameters
    ----------
    app
        ASGI application.
    port
        Where; 0 picks a free one.
    """
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    config = uvicorn.Config(
        app, http="httptools", loop="uvloop", ws="none", lifespan="off", log_level="warning",
        access_log=False, proxy_headers=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    server.should_exit = True
    await task


def main(words: list[str]) -> None:
    """Entry point of the process.

    Parameters
    ----------
    words
        Which server, its folder, the write key, and the port if it matters.
    """
    import uvloop

    which, folder, key = words[0], Path(words[1]), words[2]
    port = int(words[3]) if len(words) > 3 else 0
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    if which == "ceiling":
        uvloop.run(serve(ceiling, port))
    elif which == "plain":
        folder.mkdir(parents=True, exist_ok=True)
        uvloop.run(serve(plain_app(folder / "plain.db", key), port))
    else:
        runtime = open_runtime(load_settings(flags={"store.folder": str(folder)}))
        try:
            if not all_sources(runtime.state):
                add_source(runtime.state, "bench", now=datetime.now(UTC), write_key=key)
            uvloop.run(serve(create_door(runtime), port))
        finally:
            runtime.close()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
