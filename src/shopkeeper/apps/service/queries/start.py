"""Starting the nightly loop in the background, one at a time."""

from __future__ import annotations

import datetime as dt
import logging
import threading

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import runs
from shopkeeper.apps.service.queries.reading import day_of
from shopkeeper.apps.service.schemas.runs import NightlyRequest, Run
from shopkeeper.core.clock import day_start
from shopkeeper.core.errors import NotFoundError, ShopkeeperError

LOG = logging.getLogger(__name__)


def start_nightly(shop: OpenShop, body: NightlyRequest) -> Run:
    """Start the nightly loop; the same day over the same data is the same run.

    Parameters
    ----------
    shop
        The open shop.
    body
        Which day.

    Returns
    -------
    Run
        As it stands now: usually waiting.

    Raises
    ------
    NotEnoughDataError
        If no day is given and nothing was ever loaded.
    BusyError
        If another run is in progress.
    """
    # The models come with the flow; a service that only answers does not load them.
    from shopkeeper.apps.flows.nightly import (
        NIGHTLY,
        default_as_of,
        nightly_inputs,
        run_nightly,
    )
    from shopkeeper.apps.flows.steps import run_identity

    time_zone = shop.settings.shop.time_zone
    as_of = (
        day_start(body.as_of, time_zone)
        if body.as_of is not None
        else default_as_of(shop.tables, time_zone)
    )
    settings = shop.settings.model_dump(mode="json", exclude={"service", "store"})
    run_id, _ = run_identity(NIGHTLY, as_of, nightly_inputs(shop.tables, settings))

    def work() -> None:
        try:
            run_nightly(shop.runtime, as_of=as_of)
        except ShopkeeperError as error:
            LOG.warning("run %s stopped: %s", run_id, error)
        except Exception:
            LOG.exception("run %s failed", run_id)

    thread = threading.Thread(target=work, name=f"nightly-{run_id}", daemon=True)
    shop.background.start(run_id, thread)
    try:
        return runs.run(shop, run_id)
    except NotFoundError:
        return _waiting(shop, NIGHTLY, run_id, as_of)


def _waiting(shop: OpenShop, flow: str, run_id: str, as_of: dt.datetime) -> Run:
    return Run(
        run_id=run_id,
        flow=flow,
        as_of=day_of(shop, as_of),
        status="waiting",
        started_at=None,
        finished_at=None,
        seconds=None,
        message=None,
        steps=[],
    )
