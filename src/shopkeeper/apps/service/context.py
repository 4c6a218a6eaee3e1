"""What a route gets handed: the open runtime, and the parameters that lists share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request

Runtime = Any


def open_shop(request: Request) -> Runtime:
    """Runtime that the application was created with.

    Parameters
    ----------
    request
        The request being answered.

    Returns
    -------
    Runtime
        The same object for every request of the process.
    """
    return request.app.state.runtime


Shop = Annotated[Runtime, Depends(open_shop)]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before")
]
Limit = Annotated[int, Query(ge=1, le=200, description="rows per page")]
