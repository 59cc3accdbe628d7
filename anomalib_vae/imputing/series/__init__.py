"""How gaps in time series are filled: interpolation and stationary Gaussians, weighed on cells hidden for it."""
