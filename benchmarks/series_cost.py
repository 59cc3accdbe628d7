"""What a time series costs: fitting AnomalyDetector(SequenceVAE()), scoring it whole, and step by step as it arrives.

    python benchmarks/series_cost.py --threads 2        # smd_1_6: 20,000 rows of 38 sensors to fit, and to score
    OMP_NUM_THREADS=1 python benchmarks/series_cost.py --only smd_1_6,smd_1_7 --seeds 0,1

fit_s        seconds of fitting; asked: 60 for 20,000 x 38 on two cores
rows_per_s   of the test series scored at once; asked: 20,000 on two cores
step_ms      median milliseconds a step of `detector.stream()`, one row at a time as a dict; asked: 2 on one core
step_ms_99   their 99th percentile
step_cpu_ms  median milliseconds of the processor a step: what a machine with other things to do would take without them
difference   the largest between the stream's scores and those that the batch gives to the last of the rows so far, of
             CHECKED steps, relative to the score's size; asked: 1e-6
"""

from __future__ import annotations

import time

import common
import numpy as np
import pandas as pd
import torch

from anomalib_vae import AnomalyDetector, SequenceVAE

STEPS = 1000  # that are streamed
CHECKED = 10


def measure(task, model: SequenceVAE, seed: int) -> dict:
    started = time.perf_counter()
    detector = AnomalyDetector(model, random_state=seed).fit(task.train)
    fitted = time.perf_counter()
    detector.score_samples(task.test)
    scored = time.perf_counter()
    return {
        "data": task.name,
        "rows": len(task.train),
        "sensors": task.train.shape[1],
        "fit_s": fitted - started,
        "rows_per_s": len(task.test) / (scored - fitted),
        **streamed(detector, task.test.iloc[:STEPS]),
    }


def streamed(detector: AnomalyDetector, rows: pd.DataFrame) -> dict:
    """One row after the other, on one thread, and what the batch says of some."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    stream, scores, seconds, of_processor = detector.stream(), [], [], []
    for row in rows.to_dict("records"):
        started, started_here = time.perf_counter(), time.process_time()
        scores.append(stream.score_samples(row)[0])
        of_processor.append(time.process_time() - started_here)
        seconds.append(time.perf_counter() - started)
    torch.set_num_threads(threads)
    ends = np.linspace(1, len(rows), CHECKED).astype(int)
    batch = np.array([detector.score_samples(rows[:end])[-1] for end in ends])
    difference = np.abs(np.array(scores)[ends - 1] - batch) / np.maximum(np.abs(batch), 1.0)
    return {
        "step_ms": 1e3 * np.median(seconds),
        "step_ms_99": 1e3 * np.percentile(seconds, 99),
        "step_cpu_ms": 1e3 * np.median(of_processor),
        "difference": difference.max(),
    }


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    common.model_options(options)
    options.set_defaults(only="smd_1_6")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    rows = []
    for task in common.wanted(common.protocol(chosen.protocol).series_tasks(), chosen.only):
        for seed in map(int, chosen.seeds.split(",")):
            rows.append(measure(task, common.model(chosen, "SequenceVAE") or SequenceVAE(), seed))
            print({name: f"{v:.4g}" if isinstance(v, float) else v for name, v in rows[-1].items()}, flush=True)
            common.save(rows, chosen.output)


if __name__ == "__main__":
    main()
