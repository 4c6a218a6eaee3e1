"""``shopkeeper up``: API, console, worker and scheduler in one process."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from typing import Annotated
from urllib.parse import quote

import typer
import uvicorn

from shopkeeper.apps.cli.context import ConfigFlag, ShopFlag, opened, out
from shopkeeper.apps.flows.sources import ensure_source
from shopkeeper.apps.service.app import create_app, front
from shopkeeper.apps.worker.connect import start_connectors
from shopkeeper.apps.worker.schedule import start_scheduler
from shopkeeper.apps.worker.start import StreamThread, collect_garbage_seldom
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.errors import SettingsError


def up(
    shop: ShopFlag = None,
    config: ConfigFlag = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 picks a free one.")] = None,
) -> None:
    """Serve until interrupted."""
    with opened(shop, config, **{"service.host": host, "service.port": port}) as runtime:
        serve(runtime)


def serve(runtime: Runtime) -> None:
    """Serve API and console, send what is due, run what is scheduled.

    Parameters
    ----------
    runtime
        The open shop.

    Raises
    ------
    SettingsError
        If the address cannot be listened on.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    service = runtime.settings.service
    try:
        listener = socket.create_server((service.host, service.port))
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {service.host}:{service.port}: {error.strerror or error}",
            next_step="Choose another port with --port, or 0 for any free one",
        ) from error
    port = listener.getsockname()[1]
    scheduler = start_scheduler(runtime)
    connectors = stream = None
    if runtime.settings.live.worker:
        connectors, stream = start_connectors(runtime, os.environ), StreamThread(runtime)
    first = ensure_source(runtime.state, now=runtime.clock.now())
    for line in addresses(service.host, port, service.token):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if first is not None:
        made = f"Write key of source {first['source_id']}: {first['write_key']}"
        out.print(made, highlight=False, markup=False, soft_wrap=True)
    server = uvicorn.Server(
        uvicorn.Config(
            front(create_app(runtime)),
            log_level="warning",
            access_log=False,
            http="httptools",
            loop="uvloop",
            ws="none",
        )
    )
    _end_cleanly_when_told()
    collect_garbage_seldom()
    try:
        server.run(sockets=[listener])
    finally:
        if connectors is not None:
            connectors.stop()
        if stream is not None:
            stream.stop()
        scheduler.shutdown(wait=True)
        listener.close()


def _end_cleanly_when_told() -> None:
    """Let workers finish what they read before the process ends."""
    # After its own shutdown uvicorn raises SIGTERM again, which by default ends everything here.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def addresses(host: str, port: int, token: str) -> list[str]:
    """Where the console and the API answer, one line each.

    Parameters
    ----------
    host
        Address listened on.
    port
        Port listened on.
    token
        If not empty, the console's link carries it: the browser keeps it from then on.

    Examples
    --------
    >>> addresses("127.0.0.1", 8321, "a b")[0]
    'Console: http://127.0.0.1:8321/?token=a%20b'
    """
    place = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    key = f"?token={quote(token, safe='')}" if token else ""
    return [
        f"Console: {place}/{key}",
        f"API:     {place}/api/v1/openapi.json",
        f"Events:  {place}/v1/batch",
    ]
