"""``shopkeeper up``: API, console, worker and scheduler in one process."""

from __future__ import annotations

import logging
import socket
from typing import Annotated

import typer
import uvicorn

from shopkeeper.apps.cli.context import ConfigFlag, ShopFlag, opened, out
from shopkeeper.apps.service.app import create_app
from shopkeeper.apps.worker.schedule import start_scheduler
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
    out.print(f"Console: http://{service.host}:{port}/", highlight=False)
    out.print(f"API:     http://{service.host}:{port}/api/v1/openapi.json", highlight=False)
    server = uvicorn.Server(
        uvicorn.Config(create_app(runtime), log_level="warning", access_log=False)
    )
    try:
        server.run(sockets=[listener])
    finally:
        scheduler.shutdown(wait=True)
        listener.close()
