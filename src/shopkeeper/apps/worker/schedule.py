"""The scheduler of ``shopkeeper up``: outbox every half minute, the loop every night."""

from __future__ import annotations

import logging

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import select

from shopkeeper.apps.flows.deliver import run_deliver
from shopkeeper.apps.flows.nightly import NIGHTLY, default_as_of, run_nightly
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.errors import ShopkeeperError

log = logging.getLogger(__name__)

SEND_SECONDS = 30
DEFAULT_CRON = "0 3 * * *"


def send_due_now(runtime: Runtime) -> None:
    """One round of the outbox; a failure is logged and the next round tries again."""
    try:
        report = run_deliver(runtime, limit=2000)
    except ShopkeeperError as error:
        log.warning("outbox: %s", error)
        return
    if report.sent or report.refused or report.withdrawn:
        log.info("outbox: %s", report.to_dict())


def nightly_now(runtime: Runtime) -> None:
    """The loop over everything loaded so far; a failure stays resumable."""
    try:
        as_of = default_as_of(runtime.tables, runtime.settings.shop.time_zone)
        report = run_nightly(runtime, as_of=as_of)
    except ShopkeeperError as error:
        log.warning("nightly: %s", error)
        return
    log.info("nightly %s: %s", report.run_id, "already done" if report.repeated else "done")


def start_scheduler(runtime: Runtime) -> BackgroundScheduler:
    """Start the background jobs; shut the returned scheduler down before closing the runtime.

    Parameters
    ----------
    runtime
        The open shop. The cron line of ``nightly`` is read from its state;
        without one it is 03:00 in the shop's zone.
    """
    zone = runtime.settings.shop.time_zone
    with runtime.state.connect() as connection:
        row = connection.execute(
            select(state.schedules).where(state.schedules.c.flow == NIGHTLY)
        ).first()
    scheduler = BackgroundScheduler(timezone=zone)
    scheduler.add_job(
        send_due_now, "interval", args=[runtime], seconds=SEND_SECONDS, max_instances=1,
        coalesce=True, id="outbox",
    )  # fmt: skip
    if row is None or row.enabled:
        cron = CronTrigger.from_crontab(row.cron if row else DEFAULT_CRON, timezone=zone)
        scheduler.add_job(
            nightly_now, cron, args=[runtime], max_instances=1, coalesce=True, id=NIGHTLY,
            misfire_grace_time=6 * 3600,
        )  # fmt: skip
    scheduler.start()
    return scheduler
