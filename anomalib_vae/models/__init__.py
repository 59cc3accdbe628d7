"""Models: estimators of the distribution of X."""
