"""Pictures, drawn with matplotlib's object interface: each function gives a Figure and touches no global state."""

from anomalib_vae.report.imputation import imputed_against_observed
from anomalib_vae.report.missingness import missing_cells
from anomalib_vae.report.scores import score_histogram
from anomalib_vae.report.sensors import sensors_over_time

__all__ = ["imputed_against_observed", "missing_cells", "score_histogram", "sensors_over_time"]
