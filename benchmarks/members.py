"""How members are trained side by side: one batched matrix product a layer, or torch.func.vmap over stacked parameters.

python benchmarks/members.py
"""

from __future__ import annotations

import time

import torch
from torch import nn

from anomalib_vae.networks.mlp import MLP

MEMBERS, ROWS, WIDTH, HIDDEN, STEPS = 4, 256, 30, (128, 128), 300


def batched(values):
    network = MLP(MEMBERS, WIDTH, HIDDEN, WIDTH, torch.Generator().manual_seed(0), activation="relu")

    def step():
        network(values).square().mean().backward()

    return step


def mapped(values):
    layers = [nn.Linear(a, b) for a, b in zip((WIDTH, *HIDDEN), (*HIDDEN, WIDTH), strict=True)]
    member = nn.Sequential(*[layer for linear in layers[:-1] for layer in (linear, nn.ReLU())], layers[-1])
    copies = [member] + [type(member)(*member) for _ in range(MEMBERS - 1)]
    parameters, buffers = torch.func.stack_module_state(copies)

    def forward(parameters, buffers, rows):
        return torch.func.functional_call(member, (parameters, buffers), (rows,))

    def step():
        torch.func.vmap(forward)(parameters, buffers, values).square().mean().backward()

    return step


def seconds(step) -> float:
    for _ in range(20):
        step()
    started = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - started) / STEPS


def main() -> None:
    torch.set_num_threads(1)
    values = torch.randn(MEMBERS, ROWS, WIDTH)
    ways = {"batched products": batched(values), "vmap": mapped(values)}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(5):  # in turn, so that a noisy machine is noisy for both
        for name, step in ways.items():
            best[name] = min(best[name], seconds(step))
    for name, took in best.items():
        print(f"{name:17s} {1e3 * took:.2f} ms a step, {took / best['batched products']:.2f} x")


if __name__ == "__main__":
    main()
