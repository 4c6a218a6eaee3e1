"""Print the OpenAPI document: ``python -m shopkeeper.apps.service.openapi``."""

from __future__ import annotations

import json
import sys

from shopkeeper.apps.service.app import create_app


def document() -> str:
    """OpenAPI 3.1 document of the service as committed in ``console/openapi.json``.

    Returns
    -------
    str
        JSON, indented, keys in declaration order, ends with a line feed.
    """
    return json.dumps(create_app(None).openapi(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
