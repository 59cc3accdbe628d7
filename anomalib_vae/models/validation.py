"""What every estimator asks of its X before it looks into it."""

from __future__ import annotations

from sklearn.utils.validation import validate_data

from anomalib_vae.codec import frames


def checked(estimator, X, *, reset: bool):
    """X as a frame or a two-dimensional array of at least one row (two in fit) and one column.

    Sets, or compares with, `n_features_in_` and `feature_names_in_` as scikit-learn does: columns that are missing, new
    or in another order are a ValueError.  Missing cells are fine; infinities are found by the codec, which names the
    column.
    """
    at_least = 2 if reset else 1
    if not frames.is_frame(X):
        return validate_data(
            estimator, X, reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=at_least
        )
    names = frames.names_of(X)
    rows = len(X)
    if rows < at_least:
        raise ValueError(
            f"Found array with {rows} sample(s) (shape={X.shape}) while a minimum of {at_least} is required."
        )
    if not names:
        raise ValueError(f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required.")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return X
