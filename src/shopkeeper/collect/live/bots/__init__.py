"""Invalid traffic: marked as it arrives, judged again when more is known; never thrown away."""

from __future__ import annotations

from shopkeeper.collect.live.bots.clients import fingerprint
from shopkeeper.collect.live.bots.marker import Marker
from shopkeeper.collect.live.bots.reasons import REASONS

__all__ = ["REASONS", "Marker", "fingerprint"]
