"""Sends events with the official Python SDK: ``HOST KEY COUNT PREFIX``; prints one JSON object."""

from __future__ import annotations

import json
import sys
from importlib import import_module


def main(words: list[str]) -> None:
    """Entry point of the process.

    Parameters
    ----------
    words
        Host, write key, number of events, prefix of the message ids.
    """
    # A development package, not one of the product: imported by name.
    client_class = import_module("segment.analytics.client").Client
    host, key, count, prefix = words
    errors: list[str] = []
    client = client_class(
        key,
        host=host,
        gzip=True,
        max_queue_size=int(count) + 1,
        on_error=lambda error, _items: errors.append(str(error)),
    )
    for number in range(int(count)):
        client.track(
            f"user-{number % 997}",
            "Product Viewed",
            {"product_id": f"p{number % 100}", "price": 19.9, "currency": "CNY", "n": number},
            message_id=f"{prefix}-{number}",
        )
    client.flush()
    client.join()
    sys.stdout.write(json.dumps({"sent": int(count), "errors": errors[:5]}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
