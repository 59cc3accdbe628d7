"""Fit time beside PyOD's VAE, both with defaults, in turn on each data set in one run with the same threads.

    python -m venv pyod-env && pyod-env/bin/pip install torch==2.13.0 pyod==3.6.7 tqdm pandas pyarrow
    python benchmarks/fit_time.py --peer-python pyod-env/bin/python

PyOD lives in an environment of its own; it is handed each training table as a file.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import common
import torch

from anomalib_vae import AnomalyDetector

PEER = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd, torch
torch.set_num_threads(int(sys.argv[2]))
from pyod.models.vae import VAE
X = pd.read_parquet(sys.argv[1]).to_numpy("float64")
for rows in (X[:300], X):  # the first fit pays for imports
    started = time.perf_counter()
    VAE(verbose=0).fit(rows)
    seconds = time.perf_counter() - started
print("seconds", seconds)
"""


def peer_seconds(python: str, table, threads: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.parquet"
        table.to_parquet(file)
        limits = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [python, "-c", PEER, str(file), str(threads)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | limits,
        )
    return float(done.stdout.split("seconds")[-1])


def our_seconds(table) -> float:
    started = time.perf_counter()
    AnomalyDetector(random_state=0).fit(table)
    return time.perf_counter() - started


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--peer-python", required=True, help="the interpreter of the environment that has PyOD")
    options.add_argument("--mode", default="oneclass")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    our_seconds(next(iter(protocol.tabular_tasks(modes=(chosen.mode,)))).train[:300])
    rows = []
    for task in common.wanted(protocol.tabular_tasks(modes=(chosen.mode,)), chosen.only):
        ours, peer = our_seconds(task.train), peer_seconds(chosen.peer_python, task.train, chosen.threads)
        rows.append({"data": task.name, "ours": ours, "pyod_vae": peer})
        print(f"{task.name:18s} ours {ours:7.2f} s   PyOD VAE {peer:7.2f} s   ratio {ours / peer:.2f}", flush=True)
    total = common.save(rows, chosen.output)[["ours", "pyod_vae"]].sum()
    ratio = total.ours / total.pyod_vae
    print(f"{'sum':18s} ours {total.ours:7.2f} s   PyOD VAE {total.pyod_vae:7.2f} s   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
