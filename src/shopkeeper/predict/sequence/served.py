"""A network read from ONNX and run by onnxruntime alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from shopkeeper.core.errors import MissingExtraError, SourceError
from shopkeeper.predict.sequence.windows import Floats, Ints

__all__ = ["ServedEncoder"]

_WINDOWS_AT_ONCE = 512


class ServedEncoder:
    """Runs an encoder on one thread.

    Parameters
    ----------
    written : bytes
        What `export_encoder` gave.

    Raises
    ------
    MissingExtraError
        When onnxruntime is not installed.
    SourceError
        When the bytes are no ONNX model.
    """

    def __init__(self, written: bytes) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError(error.name or "onnxruntime", "onnx") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(
                written, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own errors share no base class
            raise SourceError(
                f"the encoder is no ONNX model: {str(error).splitlines()[0]}",
                next_step="save the model again",
            ) from error
        self.written = written

    def __call__(self, codes: Ints, lengths: Ints, table: Floats) -> Floats:
        """Read windows of items.

        Parameters
        ----------
        codes : Ints
            Windows as `last_windows` makes them.
        lengths : Ints
            Places used of each.
        table : Floats
            One vector an item.

        Returns
        -------
        Floats
            Shape (windows, dim); zeros where a window is empty.
        """
        out = np.zeros((len(codes), table.shape[1]), dtype=np.float32)
        asked = np.flatnonzero(lengths > 0)
        by_length = asked[np.argsort(lengths[asked], kind="stable")]
        for start in range(0, len(by_length), _WINDOWS_AT_ONCE):
            part = by_length[start : start + _WINDOWS_AT_ONCE]
            wide = int(lengths[part[-1]])
            feed = {"vectors": table[codes[part, :wide]], "last": lengths[part] - 1}
            out[part] = self._session.run(None, feed)[0]
        return out
