"""The built console: files of ``static/``, and its page for every other path."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from shopkeeper.apps.service.security import COOKIE
from shopkeeper.core.errors import NotFoundError

STATIC = Path(__file__).parent / "static"
NOT_BUILT = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<title>Shopkeeper 掌柜</title>
<body><h1>Shopkeeper 掌柜</h1>
<p>控制台尚未构建。请运行 <code>make console</code> 后刷新。
接口在 <code>/api/v1</code> 正常可用。</p>
<p lang="en">The console is not built. Run <code>make console</code> and reload.
The API under <code>/api/v1</code> works.</p></body></html>"""


def console_router(static: Path = STATIC) -> APIRouter:
    """Routes that serve the console from a folder.

    Parameters
    ----------
    static
        Folder with ``index.html`` and its assets; may be absent.

    Returns
    -------
    APIRouter
        A catch-all; include it last.
    """
    router = APIRouter(include_in_schema=False)
    root = static.resolve()

    @router.get("/{path:path}")
    def page(request: Request, path: str, token: str | None = None) -> Response:
        if path.startswith("api/"):
            raise NotFoundError(
                f"there is nothing at /{path}",
                next_step="See /api/v1/openapi.json for what exists",
                path=path,
            )
        if token is not None:
            return _remember(request, token)
        file = (root / path).resolve()
        if path and file.is_relative_to(root) and file.is_file():
            lasting = "assets" in file.relative_to(root).parts
            age = "public, max-age=31536000, immutable" if lasting else "no-cache"
            return FileResponse(file, headers={"Cache-Control": age})
        if "." in path.rsplit("/", 1)[-1] and path.startswith("assets/"):
            raise NotFoundError(
                f"the console has no file {path}",
                next_step="Reload the page; the console was rebuilt",
                path=path,
            )
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(NOT_BUILT, status_code=503)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    return router


def _remember(request: Request, token: str) -> Response:
    """Keep the token of the start-up address in a cookie that scripts cannot read."""
    here = "/" + request.url.path.lstrip("/\\")
    answer = RedirectResponse(here, status_code=303)
    answer.set_cookie(
        COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return answer
