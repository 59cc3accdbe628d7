"""Adam without torch's compiler."""

from __future__ import annotations

import subprocess
import sys

import torch

from anomalib_vae.training.optimizer import AdamW

FIT = """
import sys, numpy as np
from anomalib_vae import AnomalyDetector, VAE, VAEImputer
X = np.random.default_rng(0).normal(size=(60, 3))
AnomalyDetector(VAE(max_epochs=2)).fit(X).predict(X)
X[0, 0] = np.nan
VAEImputer().fit_transform(X)
assert "torch" in sys.modules
assert "torch._dynamo" not in sys.modules
"""


def test_it_steps_as_torch_does():
    start, target = torch.randn((4, 3), generator=torch.Generator().manual_seed(0)), torch.ones(4, 3)
    ends = []
    for kind in (AdamW, torch.optim.AdamW):
        weights = torch.nn.Parameter(start.clone())
        optimizer = kind([weights], 0.1, weight_decay=0.3, fused=True)
        for _ in range(5):
            optimizer.zero_grad()
            (weights - target).square().sum().backward()
            optimizer.step()
        ends.append(weights.detach())
    assert torch.equal(*ends)
    assert not torch.equal(ends[0], start)


def test_a_fit_does_not_wait_for_the_compiler():
    subprocess.run([sys.executable, "-c", FIT], check=True)
