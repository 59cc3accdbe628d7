"""MLflow: fits that log themselves, and a model flavor without pickle.

from anomalib_vae.integrations import mlflow as vae_mlflow

vae_mlflow.autolog()                                # every fit from here on is a run, or part of the active one
VAE(callbacks=(vae_mlflow.MLflowCallback(),))       # or: the fits of this model only

info = vae_mlflow.log_model(detector, input_example=frame.head())
vae_mlflow.load_model(info.model_uri)               # the estimator
mlflow.pyfunc.load_model(info.model_uri)            # score, verdict and reasons of each row, as a frame
"""

from anomalib_vae.integrations.mlflow.autologging import autolog
from anomalib_vae.integrations.mlflow.callback import MLflowCallback
from anomalib_vae.integrations.mlflow.flavor import _load_pyfunc as _load_pyfunc  # MLflow looks for it here
from anomalib_vae.integrations.mlflow.flavor import load_model, log_model, save_model

__all__ = ["MLflowCallback", "autolog", "load_model", "log_model", "save_model"]
