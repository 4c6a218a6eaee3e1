"""The one run that a service works on beside answering."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from shopkeeper.core.errors import BusyError


@dataclass
class Background:
    """The one run that this process works on.

    Parameters
    ----------
    run_id
        Which run; ``None`` when nothing was started yet.
    thread
        What works on it.
    """

    run_id: str | None = None
    thread: threading.Thread | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, run_id: str, work: threading.Thread) -> None:
        """Start a run unless it is the one in progress.

        Parameters
        ----------
        run_id
            Which run.
        work
            Does it; not started yet.

        Raises
        ------
        BusyError
            If another run is in progress.
        """
        with self.lock:
            if self.thread is not None and self.thread.is_alive():
                if self.run_id == run_id:
                    return
                raise BusyError(
                    f"run {self.run_id} is in progress",
                    next_step="Wait until it is done; /api/v1/runs shows how far it is",
                    run_id=self.run_id,
                )
            self.run_id, self.thread = run_id, work
            work.start()

    def wait(self, seconds: float) -> None:
        """Wait for the run in progress.

        Parameters
        ----------
        seconds
            At most.
        """
        if self.thread is not None:
            self.thread.join(seconds)
