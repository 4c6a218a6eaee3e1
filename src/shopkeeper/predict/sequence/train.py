"""Learning a sequence network with torch: sampled or full softmax, stopped by held-out steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from shopkeeper.predict.sequence.nets import Encoder, build
from shopkeeper.predict.sequence.settings import NetSettings
from shopkeeper.predict.sequence.windows import (
    Floats,
    Ints,
    Sequences,
    Windows,
    cut_windows,
    last_windows,
)

__all__ = ["Trained", "train_net"]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A network and its items, learning over.

    Parameters
    ----------
    encoder : Encoder
        In evaluation mode.
    table : Floats
        One vector an item, shape (items, dim), as the encoder reads them.
    facts : dict[str, Any]
        Rounds, held-out figure, why learning stopped.
    """

    encoder: Encoder
    table: Floats
    facts: dict[str, Any]

    def weights(self) -> dict[str, Floats]:
        """Numbers of the encoder by name."""
        return {name: value.numpy() for name, value in self.encoder.state_dict().items()}


@contextmanager
def _torch_of(seed: int, threads: int) -> Iterator[None]:
    """Lend torch's generator and threads, and give both back as they were."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def train_net(sequences: Sequences, items: int, settings: NetSettings, *, seed: int) -> Trained:
    """Learn to name the next item at every step of every sequence.

    Parameters
    ----------
    sequences : Sequences
        All items known.
    items : int
        In the catalogue.
    settings : NetSettings
        Shape, bounds, time.
    seed : int
        Decides everything random; equal seeds give equal numbers unless time ran out.

    Returns
    -------
    Trained
        The network of the best round.
    """
    settings.require(items)
    random = np.random.default_rng(seed)
    learn, judged = _hold_out(sequences, settings.held_out, random)
    windows = cut_windows(learn, settings.window)
    with _torch_of(seed, settings.threads):
        encoder = build(settings)
        table = nn.Parameter(torch.randn(items, settings.dim) * 0.02)
        facts = _rounds(encoder, table, windows, judged, settings, random)
        encoder.eval()
    return Trained(encoder, table.detach().numpy().astype(np.float32), facts)


def _rounds(
    encoder: Encoder,
    table: Any,
    windows: Windows,
    judged: Sequences,
    settings: NetSettings,
    random: np.random.Generator,
) -> dict[str, Any]:
    start, best, best_round, kept = time.monotonic(), -1.0, 0, None
    weights = [{"params": [*encoder.parameters(), table], "weight_decay": settings.weight_decay}]
    optimiser = torch.optim.AdamW(weights, lr=settings.learning_rate, fused=True)
    stopped, figures = "epochs", []
    for number in range(1, settings.epochs + 1):
        encoder.train()
        for batch in _batches(windows.lengths, settings.batch, random):
            _step(encoder, table, windows, batch, settings, optimiser)
        gain = _figure(encoder, table, judged, settings)
        figures.append(round(gain, 5))
        if gain > best:
            state = {name: value.clone() for name, value in encoder.state_dict().items()}
            best, best_round, kept = gain, number, (state, table.detach().clone())
        if number - best_round >= settings.patience:
            stopped = "no gain"
            break
        if time.monotonic() - start > settings.seconds:
            stopped = "time"
            break
    if kept is not None:
        encoder.load_state_dict(kept[0])
        table.data.copy_(kept[1])
    return {
        "rounds": len(figures), "best_round": best_round, "held_out_ndcg@10": figures,
        "stopped_by": stopped, "seconds": round(time.monotonic() - start, 1),
        "held_out": judged.n, "targets": int(windows.lengths.sum()),
    }  # fmt: skip


def _hold_out(
    sequences: Sequences, count: int, random: np.random.Generator
) -> tuple[Sequences, Sequences]:
    """Take the last step of some sequences out of what is learned from."""
    long = np.flatnonzero(sequences.lengths >= 3)
    chosen = np.sort(random.permutation(long)[: min(count, len(long) // 5)])
    lost = np.zeros(len(sequences.items), dtype=np.bool_)
    lost[sequences.offsets[chosen + 1] - 1] = True
    rest = np.where(lost, -1, sequences.items)
    return Sequences(rest, sequences.offsets).known(), sequences.take(chosen)


def _batches(lengths: Ints, targets: int, random: np.random.Generator) -> list[Ints]:
    """Windows of like length together, so that little is padding; order of batches is drawn."""
    order = np.lexsort((random.random(len(lengths)), lengths))
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths[order]) // targets)) + 1
    batches = np.split(order, cuts)
    return [batches[at] for at in random.permutation(len(batches))]


def _step(
    encoder: Encoder,
    table: Any,
    windows: Windows,
    batch: Ints,
    settings: NetSettings,
    optimiser: Any,
) -> None:
    wide = int(windows.lengths[batch].max())
    inputs = torch.from_numpy(windows.inputs[batch, :wide])
    wanted = windows.targets[batch, :wide]
    used = torch.from_numpy(wanted >= 0)
    target = torch.from_numpy(wanted)[used]
    states = encoder.states(nn.functional.embedding(inputs, table))[used]
    loss = _loss(states, target, table, settings)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def _loss(states: Any, target: Any, table: Any, settings: NetSettings) -> Any:
    if settings.scale:
        states = nn.functional.normalize(states, dim=-1) * settings.scale
    count, items = settings.competitors(len(table)), len(table)
    if count == items:
        rows = nn.functional.normalize(table, dim=-1) if settings.scale else table
        return nn.functional.cross_entropy(states @ rows.T, target)
    drawn = torch.randint(items, (count,))
    rows = nn.functional.embedding(torch.cat([target, drawn]), table)
    if settings.scale:
        rows = nn.functional.normalize(rows, dim=-1)
    own = (states * rows[: len(target)]).sum(-1, keepdim=True)
    # each drawn item stands for items / count others: the sum then estimates the full one
    other = states @ rows[len(target) :].T + float(np.log(items / count))
    other = other.masked_fill(target[:, None] == drawn[None, :], -1e9)
    every = torch.cat([own, other], dim=1)
    return nn.functional.cross_entropy(every, torch.zeros(len(target), dtype=torch.long))


def _figure(encoder: Encoder, table: Any, judged: Sequences, settings: NetSettings) -> float:
    """NDCG@10 of the held-out steps, all items ranked, ties against us."""
    if judged.n == 0:
        return 0.0
    encoder.eval()
    truth = judged.items[judged.offsets[1:] - 1]
    shown = Sequences(
        np.delete(judged.items, judged.offsets[1:] - 1), judged.offsets - np.arange(judged.n + 1)
    )
    rows = nn.functional.normalize(table, dim=-1) if settings.scale else table
    gains = np.zeros(judged.n)
    with torch.no_grad():
        for start in range(0, judged.n, 256):
            part = np.arange(start, min(start + 256, judged.n))
            codes, lengths = last_windows(shown.take(part), settings.window)
            vectors = nn.functional.embedding(torch.from_numpy(codes), table)
            said = encoder(vectors, torch.from_numpy(lengths - 1)) @ rows.T
            target = torch.from_numpy(truth[part])
            own = said.gather(1, target[:, None]).clone()
            if settings.new_only:
                seen = torch.from_numpy(codes)
                used = torch.arange(codes.shape[1]) < torch.from_numpy(lengths)[:, None]
                said.scatter_(1, torch.where(used, seen, seen[:, :1]), -1e9)
            itself = said.gather(1, target[:, None]) >= own
            rank = ((said >= own).sum(1) - itself[:, 0].long()).numpy()
            gains[part] = np.where(rank < 10, 1.0 / np.log2(rank + 2.0), 0.0)
    return float(gains.mean())
