"""How many rows go through a model: part by part, as many parts at a time as torch has threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from anomalib_vae.codec.batch import Batch, Rows

PART = 2048  # rows encoded at once: the parts of a table need little memory, however long it is
WINDOWS = PART // 4  # the same of windows, which hold many rows each: all threads shall have their share of a few
CHUNK = 256  # rows evaluated at once: what the layers give for them fits in a core's cache

_setting = threading.Lock()


def by_parts(function: Callable[[Batch], np.ndarray], rows: Rows, size: int | None = None) -> np.ndarray:
    """What the function gives for each part of the rows, one after the other: (rows, ...).  size: of a part, or PART.

    A thread computes its parts alone.  Were torch to split each operation between its threads, they would wait for each
    other hundreds of times a part; and a row's result could depend on how many they are.
    """
    size = size or PART
    if isinstance(rows, Batch) and len(rows) <= size:
        return function(rows)
    parts = [slice(start, start + size) for start in range(0, len(rows), size)]
    threads = min(torch.get_num_threads(), len(parts))
    if threads == 1:
        return np.concatenate([function(rows[part]) for part in parts])
    with ThreadPoolExecutor(threads, initializer=_compute_alone) as pool:
        return np.concatenate(list(pool.map(lambda part: function(rows[part]), parts)))


def evaluate(
    function: Callable[[Batch], torch.Tensor], rows: Rows, size: int | None = None, chunk: int = CHUNK
) -> np.ndarray:
    """The same for a function of a network's output, on so many rows at a time."""

    def of_part(part: Batch) -> np.ndarray:
        with torch.inference_mode():
            if len(part) <= chunk:
                return function(part).cpu().numpy()
            return torch.cat([function(part[at : at + chunk]) for at in range(0, len(part), chunk)]).cpu().numpy()

    return by_parts(of_part, rows, size)


def _compute_alone() -> None:
    """From here on torch uses one thread for what this thread asks of it.

    torch remembers the last such setting for threads that are still to come: so a last one sets back what was.
    """
    with _setting:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        last = threading.Thread(target=torch.set_num_threads, args=(threads,))
        last.start()
        last.join()
