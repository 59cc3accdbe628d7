"""How time and memory of the default detector grow with rows and with columns, in fit and in scoring.

    python benchmarks/scaling.py --threads 2 --plot scaling.png
    python benchmarks/scaling.py --rows 10000,100000 --columns '' --what score

Rows vary at 30 columns, columns at 10,000 rows; the numbers are made: 8 factors and noise.  Each measurement has a
process of its own, in which memory is counted above the table, the library and, in scoring, the fitted detector
(Linux only).  Fit makes 1,200 steps of 256 rows, or one pass where that is more: below 307,200 rows only reading grows.

`share` is what part of the machine's rate of matrix products, measured beside it in float64, the products of scoring
(the network's layers and the distances to the references) come to.  What holds the rest back is in the microseconds of
one thread a row: to encode it, in the model, of that in products; in its distances, of that in products.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from anomalib_vae import AnomalyDetector

ROWS, COLUMNS = 10_000, 30  # of the tables in which the other of the two varies
TRAINING_ROWS = 5_000  # of the detector that scores
FACTORS = 8
SIZE = 1500  # of the matrices whose product tells the machine's rate
SOME = 16_384  # rows that tell what a row costs, and where


def made(rows: int, columns: int) -> np.ndarray:
    """A table of FACTORS factors and noise, made in pieces: the peak of memory shall be the detector's."""
    random = np.random.default_rng(0)
    loadings, table = random.normal(size=(FACTORS, columns)), np.empty((rows, columns))
    for piece in np.array_split(table, max(1, rows // 10_000)):
        piece[:] = random.normal(size=(len(piece), FACTORS)) @ loadings + 0.3 * random.normal(size=piece.shape)
    return table


def best(run: Callable[[], object], times: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of several runs."""
    seconds = []
    for _ in range(times):
        started = clock()
        run()
        seconds.append(clock() - started)
    return min(seconds)


# ------------------------------------------------------------------ one measurement, in its own process
def measure(what: str, rows: int, columns: int, repeats: int, library: str) -> dict:
    table = made(rows, columns)
    X = pd.DataFrame(table).add_prefix("x") if library == "pandas" else table
    if what == "fit":
        AnomalyDetector(random_state=0).fit(X[:300])  # the first fit pays for imports
        return resources(lambda: AnomalyDetector(random_state=0).fit(X), 1)
    detector = AnomalyDetector(random_state=0).fit(X[:TRAINING_ROWS])
    found = resources(lambda: detector.score_samples(X), repeats)
    products, machine = products_of(detector), product_rate()
    rate = sum(products) * rows / found["seconds"]
    found |= {"gflops": 2e-9 * rate, "machine_gflops": 2e-9 * machine, "share": rate / machine}
    return found | microseconds(detector, X[:SOME], *products)


def resources(run: Callable[[], object], repeats: int) -> dict:
    """Seconds by the clock and of the processors, and megabytes above what the process held before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before, started = memory("VmRSS"), time.process_time()
    seconds = best(run, repeats)
    return {
        "seconds": seconds,
        "cpu_seconds": (time.process_time() - started) / repeats,
        "megabytes": memory("VmHWM") - before,
    }


def memory(name: str) -> float:
    """A line of the process's status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def product_rate(clock: Callable[[], float] = time.perf_counter) -> float:
    """Multiplications a second in a large product of matrices of float64."""
    matrix = torch.randn(SIZE, SIZE, dtype=torch.float64)
    return SIZE**3 / best(lambda: matrix @ matrix, 5, clock)


def products_of(detector) -> tuple[int, int]:
    """Multiplications a row in the layers of the network, and in the distances."""
    network = detector.model_.network_
    encoder, decoder = (
        sum(weight.numel() for name, weight in part.named_parameters() if name.endswith("weight"))
        for part in (network.encoder, network.decoder)
    )
    references = detector.neighbourhood_.values
    return encoder + network.score_noise.shape[1] * decoder, len(references) * (references.shape[1] + 2)


def microseconds(detector, X, *products: int) -> dict:
    """What a row costs one thread, and how much of it the products alone would take."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model, near, rows = detector.model_, detector.neighbourhood_, len(X)
        part = model.encode(X)
        view = model.data_space(part)
        runs = {
            "encode": lambda: model.encode(X),
            "model": lambda: model.score_batch(part),
            "distances": lambda: near.remoteness(view),
        }
        rate = product_rate(time.process_time)
        costs = {f"{name}_us": 1e6 * best(run, 5, time.process_time) / rows for name, run in runs.items()}
        ideal = zip(("model", "distances"), products, strict=True)
        return costs | {f"{name}_products_us": 1e6 * count / rate for name, count in ideal}
    finally:
        torch.set_num_threads(threads)


# ------------------------------------------------------------------ all of them
def measured(what: str, rows: int, columns: int, chosen: argparse.Namespace) -> dict:
    """`measure` in a fresh process."""
    settings = json.dumps([what, rows, columns, chosen.repeats, chosen.library])
    done = subprocess.run(
        [sys.executable, __file__, "--measure", settings, "--threads", str(chosen.threads)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": str(chosen.threads)},
    )
    if done.returncode:
        sys.exit(done.stderr)
    return {"what": what, "rows": rows, "columns": columns, **json.loads(done.stdout.splitlines()[-1])}


def growth(table: pd.DataFrame, by: str) -> str:
    """How time grows: the exponent between each size and the next; 1 is linear."""
    logs = np.log(table.sort_values(by)[[by, "cpu_seconds"]].to_numpy())
    exponents = np.diff(logs[:, 1]) / np.diff(logs[:, 0])
    return ", ".join(f"{exponent:.2f}" for exponent in exponents)


def draw(figures: pd.DataFrame, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    fixed = {"rows": ("columns", COLUMNS), "columns": ("rows", ROWS)}
    for axes, (by, (other, size)) in zip(figure.subplots(1, 2), fixed.items(), strict=True):
        for what, colour in (("fit", "C0"), ("score", "C1")):
            part = figures[(figures["what"] == what) & (figures[other] == size)].sort_values(by)
            if len(part) < 2:
                continue
            axes.loglog(part[by], part["cpu_seconds"], "o-", color=colour, label=what)
            line = part[by] * part["cpu_seconds"].iloc[-1] / part[by].iloc[-1]
            axes.loglog(part[by], line, ":", color=colour, label=f"linear from the last {what}")
        axes.set(xlabel=by, ylabel="processor seconds", title=f"{by}, at {size:,} {other}")
        axes.grid(visible=True, which="both", alpha=0.2)
        if axes.lines:
            axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    options.add_argument("--rows", default="10000,31623,100000,316228,1000000", help=f"at {COLUMNS} columns")
    options.add_argument("--columns", default="10,30,100,300,1000", help=f"at {ROWS:,} rows")
    options.add_argument("--what", default="fit,score")
    options.add_argument("--library", default="numpy", choices=("numpy", "pandas"), help="what holds the table")
    options.add_argument("--repeats", type=int, default=3, help="of scoring; the fastest counts")
    options.add_argument("--threads", type=int, default=1, help="torch threads")
    options.add_argument("--output", type=Path, default=None, help="write the figures to this CSV file")
    options.add_argument("--plot", type=Path, default=None, help="draw them into this PNG file")
    options.add_argument("--measure", default="", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.measure:
        print(json.dumps(measure(*json.loads(chosen.measure))))
        return
    sizes = [(int(rows), COLUMNS) for rows in chosen.rows.split(",") if rows]
    sizes += [(ROWS, int(columns)) for columns in chosen.columns.split(",") if columns]
    found = []
    for what in chosen.what.split(","):
        for rows, columns in dict.fromkeys(sizes):
            found.append(measured(what, rows, columns, chosen))
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in found[-1].items()}, flush=True)
    report(pd.DataFrame(found), chosen)


def report(figures: pd.DataFrame, chosen: argparse.Namespace) -> None:
    for what, part in figures.groupby("what"):
        print(f"\n{what}")
        print(part.drop(columns="what").dropna(axis=1, how="all").round(3).to_string(index=False))
        for by, other, size in (("rows", "columns", COLUMNS), ("columns", "rows", ROWS)):
            some = part[part[other] == size]
            if len(some) > 1:
                print(f"grows with {by} to the power of {growth(some, by)} (processor seconds, size by size)")
    if chosen.output is not None:
        figures.to_csv(chosen.output, index=False)
    if chosen.plot is not None:
        draw(figures, chosen.plot)


if __name__ == "__main__":
    main()
