"""Errors as ``application/problem+json``: facts, next step, and whether a retry can help."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shopkeeper.apps.service.schemas.common import Problem, Text
from shopkeeper.core.errors import ShopkeeperError

LOG = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"

TITLES: dict[str, Text] = {
    "settings": Text(zh="配置无法使用", en="The configuration cannot be used"),
    "input": Text(zh="输入无法读取", en="The input cannot be read"),
    "source": Text(zh="数据源无法读取", en="The source cannot be read"),
    "mapping": Text(zh="字段无法对应到表", en="The columns cannot be mapped"),
    "rule": Text(zh="规则有误", en="The rule cannot be read"),
    "leakage": Text(zh="数据会泄露答案", en="The data give the outcome away"),
    "not_found": Text(zh="没有找到", en="Not found"),
    "contract": Text(zh="数据不符合表的约定", en="Rows break the table contract"),
    "store": Text(zh="存储拒绝了请求", en="The store refused"),
    "conflict": Text(zh="别处先写入了，请重试", en="Another writer was first; try again"),
    "storage_full": Text(zh="磁盘已满", en="No room left"),
    "unavailable": Text(zh="后端服务没有应答，请稍后", en="A server behind does not answer; wait"),
    "busy": Text(zh="请求过多，请稍后", en="Too much at once; wait"),
    "not_enough_data": Text(zh="数据不足，无法回答", en="Not enough data to say"),
    "too_large": Text(zh="工作量超过上限", en="Too large"),
    "plan": Text(zh="计划当前的状态不允许", en="The plan is not in the right state"),
    "missing_extra": Text(zh="缺少可选安装包", en="An optional package is missing"),
    "invalid_request": Text(zh="请求参数有误", en="The request is not valid"),
    "forbidden": Text(zh="不允许的请求", en="The request is not allowed"),
    "unauthorised": Text(zh="需要访问令牌", en="A token is needed"),
    "method_not_allowed": Text(zh="不支持的方法", en="The method is not supported"),
    "internal": Text(zh="服务内部错误", en="Internal error"),
}
_HTTP_CODES = {401: "unauthorised", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    next_step: str | None = None,
    facts: dict[str, Any] | None = None,
    retryable: bool = False,
    instance: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """One error answer.

    Parameters
    ----------
    status
        HTTP status.
    code
        Machine-readable kind, as `ShopkeeperError.code`.
    detail
        What is wrong, in one sentence.
    next_step
        What the reader can do about it.
    facts
        Values behind the sentence; whatever is not JSON becomes text.
    retryable
        Whether the same request can succeed later.
    instance
        Path of the request.
    headers
        Further response headers.

    Returns
    -------
    JSONResponse
        With media type ``application/problem+json``.
    """
    title = TITLES.get(code) or Text(zh=HTTPStatus(status).phrase, en=HTTPStatus(status).phrase)
    body = Problem(
        type=f"urn:shopkeeper:problem:{code}",
        title=title.en,
        title_text=title,
        status=status,
        detail=detail,
        code=code,
        facts={key: _plain(value) for key, value in (facts or {}).items()},
        next_step=next_step or None,
        retryable=retryable,
        instance=instance,
    )
    return JSONResponse(
        body.model_dump(mode="json"), status_code=status, media_type=MEDIA_TYPE, headers=headers
    )


def _plain(value: object) -> object:
    try:
        return jsonable_encoder(value)
    except (ValueError, TypeError, RecursionError):
        return str(value)


async def _deliberate(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ShopkeeperError)
    headers = {"Retry-After": "1"} if error.retryable else None
    return problem(
        error.status,
        error.code,
        error.message,
        next_step=error.next_step,
        facts=error.facts,
        retryable=error.retryable,
        instance=request.url.path,
        headers=headers,
    )


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"field": ".".join(str(x) for x in fault["loc"]), "message": fault["msg"]}
        for fault in error.errors()
    ]
    first = faults[0] if faults else {"field": "body", "message": "not valid"}
    return problem(
        422,
        "invalid_request",
        f"{first['field']}: {first['message']}",
        next_step="Correct the field and send again; /api/v1/openapi.json describes it",
        facts={"faults": faults},
        instance=request.url.path,
    )


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "input")
    return problem(
        error.status_code,
        code,
        str(error.detail),
        next_step="See /api/v1/openapi.json for what exists" if error.status_code == 404 else None,
        instance=request.url.path,
        headers=dict(error.headers or {}) or None,
    )


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(
        500,
        "internal",
        "something failed that should not have",
        next_step="Look at the service log for the trace, and report it",
        facts={"error": type(error).__name__},
        instance=request.url.path,
    )


def install(app: FastAPI) -> None:
    """Turn every exception of `app` into a problem.

    Parameters
    ----------
    app
        The application; its exception handlers are set.
    """
    app.add_exception_handler(ShopkeeperError, _deliberate)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _unexpected)
