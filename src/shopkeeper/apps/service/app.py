"""Application factory."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

import shopkeeper
from shopkeeper.apps.service import routes
from shopkeeper.apps.service.schemas.common import Problem

PREFIX = "/api/v1"


def create_app(runtime: Any) -> FastAPI:
    """HTTP API over an open runtime.

    Parameters
    ----------
    runtime
        What ``open_runtime`` returned; ``None`` only to describe the API.

    Returns
    -------
    FastAPI
        Routes under ``/api/v1``, probes at the root.
    """
    app = FastAPI(
        title="Shopkeeper 掌柜",
        version=shopkeeper.__version__,
        description="Everything the console shows and does. Texts come in zh and en side by side.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.runtime = runtime
    api = APIRouter(prefix=PREFIX, responses=PROBLEM_RESPONSE)
    for router in routes.ROUTERS:
        api.include_router(router)
    app.include_router(api)
    app.include_router(routes.PROBES)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


PROBLEM_RESPONSE: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem, with its facts and the next step",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
}


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
        problem = TypeAdapter(Problem).json_schema(mode="serialization")
        schemas = schema["components"]["schemas"]
        schemas["Problem"] = problem
        schema["components"]["schemas"] = dict(sorted(schemas.items()))
        app.openapi_schema = schema
    return app.openapi_schema
