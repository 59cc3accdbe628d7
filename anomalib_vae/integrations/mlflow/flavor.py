"""The flavor `anomalib_vae`: what `estimator.save` writes, JSON and safetensors, in an MLflow model folder."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import anomalib_vae
from anomalib_vae.codec import frames
from anomalib_vae.integrations.mlflow.cells import as_json_cells
from anomalib_vae.integrations.mlflow.package import require_mlflow
from anomalib_vae.integrations.mlflow.predictor import Predictor
from anomalib_vae.integrations.mlflow.requirements import pinned_requirements
from anomalib_vae.integrations.mlflow.schema import codec_of, signature_of
from anomalib_vae.persistence import load

FLAVOR = "anomalib_vae"
LOADER = "anomalib_vae.integrations.mlflow"
DATA = "estimator"  # the folder, within the MLflow model, that `estimator.save` writes


def log_model(estimator: Any, name: str = "model", *, registered_model_name: str | None = None, **options: Any) -> Any:
    """Log the fitted estimator to the active run and give MLflow's ModelInfo, whose `model_uri` loads it.

    options: those of `save_model`, and run_id, model_type, params, tags, step and others of `mlflow.models.Model.log`.
    """
    require_mlflow()
    from mlflow.models import Model

    return Model.log(
        artifact_path=None,
        name=name,
        flavor=importlib.import_module(LOADER),
        registered_model_name=registered_model_name,
        estimator=estimator,
        **options,
    )


def save_model(
    estimator: Any,
    path: str | Path,
    mlflow_model: Any = None,
    *,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: list[str] | None = None,
    extra_pip_requirements: list[str] | None = None,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Write the fitted estimator as an MLflow model to the folder `path`, which must be new or empty.

    signature: None makes it from the training frame, False leaves it out.  input_example: a few rows, stored as JSON.
    pip_requirements: None pins this package and its dependencies at the versions installed.
    """
    require_mlflow()
    from mlflow.models import Model
    from mlflow.models.utils import _save_example
    from mlflow.pyfunc import add_to_model

    folder, model = Path(path), Model() if mlflow_model is None else mlflow_model
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: give a new folder.")
    estimator.save(folder / DATA)
    _save_example(model, as_json_cells(input_example), str(folder))
    model.signature = signature_of(estimator) if signature is None else signature or None
    if metadata is not None:
        model.metadata = metadata
    add_to_model(model, loader_module=LOADER, data=DATA, conda_env="conda.yaml", python_env="python_env.yaml")
    model.add_flavor(
        FLAVOR, data=DATA, estimator=type(estimator).__name__, anomalib_vae_version=anomalib_vae.__version__
    )
    model.save(str(folder / "MLmodel"))
    _write_environment(folder, _defaults(estimator), pip_requirements, extra_pip_requirements)


def load_model(model_uri: str, dst_path: str | None = None) -> Any:
    """The estimator that `save_model` or `log_model` wrote.

    model_uri: a folder or an MLflow URI, such as "models:/detector/1".  dst_path: an existing folder to download to.
    """
    require_mlflow()
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    folder = Path(download_artifacts(artifact_uri=str(model_uri), dst_path=dst_path))
    flavors = Model.load(str(folder)).flavors
    if FLAVOR not in flavors:
        raise MlflowException(
            f"{model_uri} has no flavor {FLAVOR!r}, only {sorted(flavors)}: load it with one of those."
        )
    return load(folder / flavors[FLAVOR]["data"])


def _load_pyfunc(path: str) -> Predictor:
    """What `mlflow.pyfunc.load_model` calls with the folder that `estimator.save` wrote."""
    return Predictor(load(path))


def _defaults(estimator: Any) -> list[str]:
    template = codec_of(estimator).template
    library = None if template is None else frames.library_of(template)
    return pinned_requirements(*(["polars"] if library == "polars" else []))


def _write_environment(folder: Path, defaults: list[str], pip_requirements, extra_pip_requirements) -> None:
    """The three files by which MLflow rebuilds an environment; with them given it does not look for imports itself,
    which takes it a minute."""
    import yaml
    from mlflow.utils.environment import _process_pip_requirements, _PythonEnv

    conda, pip, constraints = _process_pip_requirements(defaults, pip_requirements, extra_pip_requirements)
    (folder / "conda.yaml").write_text(yaml.safe_dump(conda, default_flow_style=False))
    (folder / "requirements.txt").write_text("\n".join(pip))
    if constraints:
        (folder / "constraints.txt").write_text("\n".join(constraints))
    _PythonEnv.current().to_yaml(str(folder / "python_env.yaml"))
