"""``shopkeeper worker``: work off accepted events in a process of its own."""

from __future__ import annotations

import logging
import os
import signal
import threading

from shopkeeper.apps.cli.context import ConfigFlag, ShopFlag, opened
from shopkeeper.apps.worker.connect import start_connectors
from shopkeeper.apps.worker.start import collect_garbage_seldom, run_stream


def worker(shop: ShopFlag = None, config: ConfigFlag = None) -> None:
    """Bring accepted events to lake and profiles, and run connectors, until interrupted.

    Several may run at once, also on several machines where the log is Kafka: they divide the
    partitions of the log among themselves. With one or more of them, set live.worker = false
    so that `up` leaves the work to them.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with opened(shop, config) as runtime:
        collect_garbage_seldom()
        connectors = start_connectors(runtime, os.environ)
        try:
            run_stream(runtime, stop)
        finally:
            connectors.stop()
