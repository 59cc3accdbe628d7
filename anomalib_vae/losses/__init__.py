"""Likelihoods, divergences and corruptions: small callables on tensors that know which cells were observed."""
