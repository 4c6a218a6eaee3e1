"""Application factory."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

import shopkeeper
from shopkeeper.apps.door.app import Mount, create_door
from shopkeeper.apps.door.customers import customer_routes
from shopkeeper.apps.service import problems, routes
from shopkeeper.apps.service.caching import EntityTags
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.pages import STATIC, console_router
from shopkeeper.apps.service.schemas.common import Problem, Text
from shopkeeper.apps.service.security import MAX_BODY_BYTES, Gate
from shopkeeper.apps.service.telemetry import Telemetry

if TYPE_CHECKING:  # describing the API needs no back end
    from shopkeeper.backends.runtime import Runtime

PREFIX = "/api/v1"
SCHEMA_AT = "#/components/schemas/{model}"
PROBLEM_ANSWER: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem, with its facts and the next step",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": SCHEMA_AT.format(model="Problem")}}},
    }
}


def create_app(
    runtime: Runtime | None, *, static: Path = STATIC, max_body_bytes: int = MAX_BODY_BYTES
) -> FastAPI:
    """HTTP API and console over an open runtime.

    Parameters
    ----------
    runtime
        What ``open_runtime`` returned; ``None`` only to describe the API.
    static
        Folder of the built console.
    max_body_bytes
        Largest request body.

    Returns
    -------
    FastAPI
        Routes under ``/api/v1``, probes at the root, the door of events under ``/v1``, the console
        everywhere else.
    """
    app = FastAPI(
        title="Shopkeeper 掌柜",
        version=shopkeeper.__version__,
        description="Everything the console shows and does. Texts come in zh and en side by side.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    api = APIRouter(prefix=PREFIX, responses=PROBLEM_ANSWER)
    for router in routes.ROUTERS:
        api.include_router(router)
    app.include_router(api)
    app.include_router(routes.PROBES)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    if runtime is None:
        return app
    service = runtime.settings.service
    gate = partial(Gate, host=service.host, token=service.token, max_body_bytes=max_body_bytes)
    door = create_door(runtime, routes=customer_routes(runtime, gate))
    shop = OpenShop(runtime, arrivals=door.context.arrivals)
    app.state.shop = shop
    app.include_router(console_router(static))
    app.add_middleware(EntityTags, prefix=f"{PREFIX}/")
    app.add_middleware(Telemetry, counts=shop.counts)
    app.add_middleware(Gate, host=service.host, token=service.token, max_body_bytes=max_body_bytes)
    # Added last, so outermost: events come from foreign pages, in larger bodies, with other keys.
    app.state.door = door
    app.add_middleware(Mount, door=door)
    return app


def front(app: FastAPI) -> ASGIApp:
    """The application as a server runs it: the door answers before the console's middleware.

    Parameters
    ----------
    app
        What :func:`create_app` returned.

    Returns
    -------
    ASGIApp
    """
    return Mount(app, door=app.state.door)


def describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI document of `app`, with the problem shape that only error answers use.

    Parameters
    ----------
    app
        The application.

    Returns
    -------
    dict
        OpenAPI 3.1.
    """
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=[{"name": tag, "description": text} for tag, text in routes.TAGS.items()],
        )
        shapes = schema["components"]["schemas"]
        for model in (Problem, Text):
            shape = model.model_json_schema(mode="serialization", ref_template=SCHEMA_AT)
            shape.pop("$defs", None)
            shapes.setdefault(model.__name__, shape)
        schema["components"]["schemas"] = dict(sorted(shapes.items()))
        app.openapi_schema = schema
    return app.openapi_schema
