"""From a trained network to one ONNX file that needs no torch.

The graph is written node by node: two networks need some twenty kinds of nodes, the file stays
readable and a tenth of a second suffices. A test holds it to the torch network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import MissingExtraError
from shopkeeper.predict.sequence.settings import NetSettings

__all__ = ["export_encoder"]

_OPSET, _IR = 17, 8
_HIDDEN = -1e9


class _Graph:
    """Collects nodes and numbers; every method returns the name of what it makes."""

    def __init__(self, weights: dict[str, npt.NDArray[np.float32]]) -> None:
        try:
            import onnx
        except ImportError as error:
            raise MissingExtraError(error.name or "onnx", "deep") from error
        self.onnx, self.weights = onnx, weights
        self.nodes: list[Any] = []
        self.numbers: list[Any] = []

    def number(self, values: Any, kind: Any = np.float32) -> str:
        name = f"c{len(self.numbers)}"
        array = np.array(values, dtype=kind, order="C")
        self.numbers.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def weight(self, name: str, *, turned: bool = False) -> str:
        return self.number(self.weights[name].T if turned else self.weights[name])

    def many(self, op: str, inputs: list[str], count: int, **options: Any) -> list[str]:
        names = [f"n{len(self.nodes)}_{at}" for at in range(count)]
        self.nodes.append(self.onnx.helper.make_node(op, inputs, names, **options))
        return names

    def one(self, op: str, *inputs: str, **options: Any) -> str:
        return self.many(op, list(inputs), 1, **options)[0]

    def linear(self, x: str, name: str) -> str:
        product = self.one("MatMul", x, self.weight(f"{name}.weight", turned=True))
        return self.one("Add", product, self.weight(f"{name}.bias"))

    def normal(self, x: str, name: str) -> str:
        pair = (self.weight(f"{name}.weight"), self.weight(f"{name}.bias"))
        return self.one("LayerNormalization", x, *pair, axis=-1, epsilon=1e-5)

    def bytes_of(self, states: str, dim: int) -> bytes:
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        place = self.one("Unsqueeze", "last", self.number([1], np.int64))
        out = self.one("GatherND", states, place, batch_dims=1)
        self.nodes.append(helper.make_node("Identity", [out], ["embedding"]))
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "encoder",
            [
                value("vectors", kinds.FLOAT, ["windows", "width", dim]),
                value("last", kinds.INT64, ["windows"]),
            ],
            [value("embedding", kinds.FLOAT, ["windows", dim])],
            self.numbers,
        )
        opset = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=_IR)
        self.onnx.checker.check_model(model)
        written: bytes = model.SerializeToString(deterministic=True)
        return written


def export_encoder(weights: dict[str, npt.NDArray[np.float32]], settings: NetSettings) -> bytes:
    """Write a network as ONNX; number and width of windows stay free.

    Parameters
    ----------
    weights : dict[str, npt.NDArray[np.float32]]
        Numbers of the torch network by name (`Trained.weights`).
    settings : NetSettings
        Its kind and shape.

    Returns
    -------
    bytes
        Inputs ``vectors`` (float32: windows, width, dim) and ``last`` (int64: windows), output
        ``embedding`` (float32: windows, dim).

    Raises
    ------
    MissingExtraError
        When onnx is not installed.
    """
    graph = _Graph(weights)
    scaled = graph.one("Mul", "vectors", graph.number(settings.dim**0.5))
    states = (
        _recurrent(graph, scaled, settings)
        if settings.kind == "gru"
        else _transformer(graph, scaled, settings)
    )
    return graph.bytes_of(states, settings.dim)


def _transformer(graph: _Graph, x: str, settings: NetSettings) -> str:
    one, number = graph.one, graph.number
    wide = one("Gather", one("Shape", "vectors"), number(1, np.int64))
    first = [number([0], np.int64), one("Unsqueeze", wide, number([0], np.int64))]
    x = one("Add", x, one("Slice", graph.weight("places"), *first, number([0], np.int64)))
    at = one("Range", number(0, np.int64), wide, number(1, np.int64))
    across = one("Unsqueeze", at, number([0], np.int64))
    unseen = one("Greater", across, one("Unsqueeze", at, number([1], np.int64)))
    for block in range(settings.layers):
        x = _block(graph, x, unseen, f"blocks.{block}", settings)
    return graph.normal(x, "after")


def _block(graph: _Graph, x: str, unseen: str, name: str, settings: NetSettings) -> str:
    one, number = graph.one, graph.number
    size = settings.dim // settings.heads
    parts = graph.linear(graph.normal(x, f"{name}.before"), f"{name}.query_key_value")
    parts = one("Reshape", parts, number([0, 0, 3, settings.heads, size], np.int64))
    parts = one("Transpose", parts, perm=[2, 0, 3, 1, 4])
    split = graph.many("Split", [parts, number([1, 1, 1], np.int64)], 3, axis=0)
    query, key, value = (one("Squeeze", part, number([0], np.int64)) for part in split)
    weight = one("MatMul", query, one("Transpose", key, perm=[0, 1, 3, 2]))
    weight = one("Mul", weight, number(size**-0.5))
    weight = one("Softmax", one("Where", unseen, number(_HIDDEN), weight), axis=-1)
    heard = one("Transpose", one("MatMul", weight, value), perm=[0, 2, 1, 3])
    heard = one("Reshape", heard, number([0, 0, settings.dim], np.int64))
    x = one("Add", x, graph.linear(heard, f"{name}.joined"))
    wide = graph.linear(graph.normal(x, f"{name}.middle"), f"{name}.wide")
    bent = one("Add", one("Erf", one("Mul", wide, number(0.5**0.5))), number(1.0))
    bent = one("Mul", one("Mul", wide, number(0.5)), bent)
    return one("Add", x, graph.linear(bent, f"{name}.narrow"))


def _recurrent(graph: _Graph, x: str, settings: NetSettings) -> str:
    x = graph.one("Transpose", x, perm=[1, 0, 2])
    for layer in range(settings.layers):
        products = [graph.weights[f"units.{kind}_l{layer}"] for kind in ("weight_ih", "weight_hh")]
        inputs = [x, *(graph.number(_gates(weight)[None]) for weight in products)]
        biases = [_gates(graph.weights[f"units.bias_{kind}_l{layer}"]) for kind in ("ih", "hh")]
        inputs.append(graph.number(np.concatenate(biases)[None]))
        # torch resets after the product: the other order of Cho et al. would be a different net
        whole = graph.many("GRU", inputs, 1, hidden_size=settings.dim, linear_before_reset=1)[0]
        x = graph.one("Squeeze", whole, graph.number([1], np.int64))
    return graph.linear(graph.one("Transpose", x, perm=[1, 0, 2]), "out")


def _gates(weight: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """From torch's order of gates (reset, update, new) to that of ONNX (update, reset, new)."""
    reset, update, new = np.split(weight, 3)
    return np.concatenate([update, reset, new])
