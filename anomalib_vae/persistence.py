"""Save and load: parameters and learned facts as JSON, weights as safetensors, dtypes as an Arrow schema.

Nothing in the folder is code and nothing in it is executed: a class is found by its name among those of this package
and the subclasses that the caller has already defined.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any, Self

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

FORMAT = 1
FILES = {"weights": "weights.safetensors", "columns": "columns.arrow", "model": "model"}


class Persistable:
    """An estimator that can be written to a folder.

    A subclass says what it has learned in `learned` and takes it back in `relearn`.
    """

    def learned(self) -> dict[str, Any]:
        """What fit learned: JSON values, and under these keys what JSON can't hold: "weights" (tensors by name),
        "columns" (an Arrow schema), "model" (another Persistable)."""
        raise NotImplementedError

    def relearn(self, learned: dict[str, Any]) -> None:
        """Become fitted from what `learned` gave, the parts read back from their files."""
        raise NotImplementedError

    def save(self, path: str | Path) -> Self:
        """Write the fitted estimator to the folder `path`, made if need be; a model there is replaced."""
        check_is_fitted(self)
        folder = Path(path)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / "model.json").exists():
            raise FileExistsError(f"{folder} holds other files and no model: give an empty or a new folder.")
        learned = self.learned()
        parts = {part: learned.pop(part) for part in FILES if part in learned}
        description = {
            "format": FORMAT,
            "class": type(self).__name__,
            "parameters": {k: _to_json(k, v) for k, v in self.get_params(deep=False).items()},  # type: ignore[attr-defined]
            "learned": learned | {part: FILES[part] for part in parts},
        }
        text = json.dumps(description, indent=1)  # before the first file is written: what can't be saved fails here
        folder.mkdir(parents=True, exist_ok=True)
        for part, write in {"weights": _write_weights, "columns": _write_columns, "model": _write_model}.items():
            if part in parts:
                write(parts[part], folder / FILES[part])
            else:  # what an earlier model left there
                shutil.rmtree(folder / FILES[part], ignore_errors=True)
                (folder / FILES[part]).unlink(missing_ok=True)
        _replace(folder / "model.json", text.encode())
        return self


def load(path: str | Path) -> Any:
    """The fitted estimator that `save` wrote to the folder `path`.

    Raises FileNotFoundError where there is none and ValueError where the folder is from a newer version or of an
    unknown class.
    """
    folder = Path(path)
    description = _read_description(folder)
    if description["format"] > FORMAT:
        raise ValueError(f"{folder} was written by a newer version of anomalib_vae: update the package to read it.")
    learned = description["learned"]
    for part, read in {"weights": _read_weights, "columns": _read_columns, "model": load}.items():
        if part in learned:
            learned[part] = read(folder / FILES[part])
    parameters = {k: _from_json(v, learned) for k, v in description["parameters"].items()}
    estimator = _class_named(description["class"])(**parameters)
    estimator.relearn(learned)
    return estimator


def _read_description(folder: Path) -> dict[str, Any]:
    try:
        description = json.loads((folder / "model.json").read_text())
    except FileNotFoundError:
        raise FileNotFoundError(f"{folder} holds no saved model (model.json is missing)") from None
    except ValueError as error:
        raise ValueError(f"{folder / 'model.json'} is damaged: {error}") from None
    if not isinstance(description, dict) or not {"format", "class", "parameters", "learned"} <= description.keys():
        raise ValueError(f"{folder / 'model.json'} does not describe a saved model")
    return description


def _class_named(name: str) -> type:
    import anomalib_vae

    if name in anomalib_vae.__all__:
        found = getattr(anomalib_vae, name)
        if isinstance(found, type) and issubclass(found, Persistable):
            return found
    candidates = Persistable.__subclasses__()
    while candidates:
        candidate = candidates.pop()
        of_a_caller = not candidate.__module__.startswith("anomalib_vae.")
        if candidate.__name__ == name and of_a_caller:
            return candidate
        candidates += candidate.__subclasses__()
    raise ValueError(f"the saved model is of the class {name!r}, which is not known here: define or import it first.")


def _to_json(name: str, value: Any) -> Any:
    if hasattr(value, "get_params"):
        return {"estimator": "frozen" if isinstance(value, FrozenEstimator) else "unfitted"}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"strategy": type(value).__name__, **dataclasses.asdict(value)}
    if isinstance(value, dict):
        return {"mapping": [[_to_json(name, key), _to_json(name, v)] for key, v in value.items()]}
    if isinstance(value, tuple | list):
        if name != "callbacks":
            return {"tuple": [_to_json(name, v) for v in value]}
        value = None
    if hasattr(value, "item"):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    warnings.warn(f"parameter {name}={value!r} can't be saved; it is None in the loaded model.", stacklevel=3)
    return None


def _from_json(value: Any, learned: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    if "estimator" in value:
        return FrozenEstimator(learned["model"]) if value["estimator"] == "frozen" else clone(learned["model"])
    if "mapping" in value:
        return {_from_json(key, learned): _from_json(v, learned) for key, v in value["mapping"]}
    if "tuple" in value:
        return tuple(_from_json(v, learned) for v in value["tuple"])
    fields = {k: v for k, v in value.items() if k != "strategy"}
    return _strategy_named(value["strategy"])(**fields)


def _strategy_named(name: str) -> type:
    from anomalib_vae.losses import strategies

    try:
        return strategies.ALL[name]
    except KeyError:
        raise ValueError(f"the saved model uses the strategy {name!r}, which this version does not know.") from None


def _write_weights(weights, path: Path) -> None:
    from safetensors.torch import save

    _replace(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}))


def _read_weights(path: Path):
    from safetensors.torch import load_file

    # a copy lies in memory as tensors do, which decides the last bit of sums over them
    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def _write_columns(table, path: Path) -> None:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    # a batch, though it has no rows: the levels of categories are written with batches only
    columns = [c.combine_chunks() if c.num_chunks else pa.array([], c.type) for c in table.columns]
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=table.schema))
    _replace(path, sink.getvalue().to_pybytes())


def _read_columns(path: Path):
    import pyarrow as pa

    return pa.ipc.open_file(path.read_bytes()).read_all()


def _write_model(model: Persistable, path: Path) -> None:
    model.save(path)


def _replace(path: Path, content: bytes) -> None:
    """A reader sees the old file or the whole new one."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    os.replace(partial, path)
