"""How gaps in time series are filled: a line and stationary Gaussians, weighed by a gate on cells hidden for it."""
