"""The optional package itself."""

from __future__ import annotations

from typing import Any


def require_mlflow() -> Any:
    """The module mlflow; ImportError with the remedy where it is not installed."""
    try:
        import mlflow
    except ImportError as error:
        raise ImportError('MLflow is not installed: pip install "anomalib-vae[mlflow]"') from error
    return mlflow
