"""Missing values beside an imputer of another library, out of sample, by the measuring protocol, in one run.

    python -m venv other && other/bin/pip install miceforest==6.0.5 lightgbm==4.6.0 "pandas<3" pyarrow
    python benchmarks/imputers.py --library miceforest --peer-python other/bin/python

    python -m venv other && other/bin/pip install torch==2.13.0
    other/bin/pip install torch==2.13.0 hyperimpute==0.1.17 scikit-learn==1.5.2 "pandas<3" "numpy<2" pyarrow
    python benchmarks/imputers.py --library hyperimpute --peer-python other/bin/python

    git clone https://github.com/tydusky/remasker && other/bin/pip install --no-deps timm==1.0.11  # atop HyperImpute
    python benchmarks/imputers.py --library remasker --peer-python other/bin/python --peer-path remasker

The library lives in an environment of its own; it is handed the tables as files.  Each has its defaults.  Where labels
must be numbers, it gets their codes, and the nearest code is its answer.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import common
import numpy as np
import pandas as pd
import torch

from anomalib_vae import VAEImputer

READ = """
import sys, time, warnings
from unittest.mock import MagicMock
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
train, test = pd.read_parquet(sys.argv[1]), pd.read_parquet(sys.argv[2])
labels, seed, path = train.select_dtypes("category").columns, int(sys.argv[4]), sys.argv[5]
sys.argv = sys.argv[:1] + [sys.argv[3]]

def codes(frame):
    return frame.assign(**{c: frame[c].cat.codes.where(frame[c].notna()) for c in labels}).astype(float)

def levels(frame):
    def level(c):
        names = train[c].cat.categories
        return pd.Categorical.from_codes(frame[c].round().clip(0, len(names) - 1).astype(int), names)
    return frame.assign(**{c: level(c) for c in labels})

started = time.process_time()
"""
WRITE = """
filled.to_parquet(sys.argv[1])
print("figures", fitted - started, time.process_time() - fitted)
"""
# predictions in place of draws, and means and votes over five chains of them: nearest to what is expected.  Rows that
# it was not fitted on get its random start (complete_data) or poor values (iteration=5): it gets those of both tables
MICEFOREST = """
import miceforest
both = pd.concat([train, test.astype(train.dtypes)], ignore_index=True)
kernel = miceforest.ImputationKernel(both, num_datasets=5, mean_match_candidates=0, random_state=seed)
kernel.mice(5)
fitted = time.process_time()
chains = [kernel.complete_data(k).iloc[len(train):].reset_index(drop=True) for k in range(5)]
filled = chains[0].copy()
for c in filled:
    cells = pd.concat([chain[c].astype(object) for chain in chains], axis=1)
    filled[c] = cells.mode(axis=1)[0].astype(train[c].dtype) if c in labels else cells.astype(float).mean(axis=1)
"""
# it learns nothing in fit and fits to the rows that it is to fill: it gets those of both tables
HYPERIMPUTE = """
from hyperimpute.plugins.imputers import Imputers
both = pd.concat([train, test], ignore_index=True)
done = Imputers().get("hyperimpute", random_state=seed).fit_transform(codes(both))
fitted = time.process_time()
filled = levels(pd.DataFrame(np.asarray(done), columns=list(train)).iloc[len(train):].reset_index(drop=True))
"""
# its scripts import names that it does not use and that are gone (tkinter, torchvision, np.float), and read sys.argv
REMASKER = """
gone = ("", ".transforms", ".transforms.functional", ".datasets", ".ops", ".ops.misc", ".utils")
sys.modules |= {"torchvision" + name: MagicMock() for name in gone} | {"tkinter": MagicMock()}
np.float, out, sys.argv = float, sys.argv[1], sys.argv[:1]
sys.path.insert(0, path)
import torch
torch.set_num_threads(1)
torch.manual_seed(seed)
from remasker_impute import ReMasker
tensor = lambda frame: torch.tensor(codes(frame).to_numpy(), dtype=torch.float32)
model = ReMasker().fit(tensor(train))
fitted = time.process_time()
filled = levels(pd.DataFrame(model.transform(tensor(test)).numpy().astype(float), columns=list(train)))
sys.argv.append(out)
"""
PEERS = {"miceforest": MICEFOREST, "hyperimpute": HYPERIMPUTE, "remasker": REMASKER}


def peer(task, chosen) -> dict:
    """The library's figures; NaN where it failed or took too long, which is said."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("train.parquet", "test.parquet", "filled.parquet")]
        task.train.to_parquet(files[0])
        task.test.to_parquet(files[1])
        program = READ + PEERS[chosen.library] + WRITE
        command = [chosen.peer_python, "-c", program, *files, str(task.seed), str(chosen.peer_path)]
        limits = {"OMP_NUM_THREADS": str(chosen.threads), "MKL_NUM_THREADS": str(chosen.threads)}
        try:
            done = subprocess.run(
                command, text=True, capture_output=True, env=os.environ | limits, timeout=chosen.limit
            )
        except subprocess.TimeoutExpired:
            return {"failed": f"no result after {chosen.limit} s"}
        if done.returncode:
            return {"failed": done.stderr.strip().splitlines()[-1]}
        fit_s, transform_s = map(float, done.stdout.split("figures")[-1].split())
        return {"fit_s": fit_s, "transform_s": transform_s, "filled": untouched(task.test, pd.read_parquet(files[2]))}


def untouched(test: pd.DataFrame, filled: pd.DataFrame) -> pd.DataFrame:
    """What was filled in beside the observed cells, of which float32 and a file may have changed the last digits."""
    cells = {
        name: np.where(test[name].isna(), filled[name].to_numpy(object), test[name].to_numpy(object)) for name in test
    }
    number = pd.api.types.is_numeric_dtype
    return pd.DataFrame({name: cells[name].astype(float) if number(test[name]) else cells[name] for name in test})


def ours(task) -> dict:
    started = time.process_time()
    imputer = VAEImputer(random_state=task.seed).fit(task.train)
    fitted = time.process_time()
    filled = imputer.transform(task.test)
    return {"fit_s": fitted - started, "transform_s": time.process_time() - fitted, "filled": filled}


def figures(protocol, task, method: str, result: dict) -> dict:
    """One row of the table: the protocol's scores, and processor seconds."""
    row = {"method": method, "data": task.name, "mechanism": task.mechanism, "seed": task.seed}
    if "filled" in result:
        row |= protocol.score_imputation(task, result.pop("filled"))
    return row | result


def peer_version(chosen) -> str:
    """The library's version, or the commit of its checkout."""
    if chosen.library == "remasker":
        command = ["git", "-C", str(chosen.peer_path), "rev-parse", "--short", "HEAD"]
    else:
        code = f"from importlib.metadata import version; print(version({chosen.library!r}))"
        command = [chosen.peer_python, "-c", code]
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout.strip()


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--library", choices=PEERS, required=True)
    options.add_argument("--peer-python", required=True, help="the interpreter of the environment that has the library")
    options.add_argument("--peer-path", type=Path, default=Path("remasker"), help="the checkout of ReMasker")
    options.add_argument("--mechanisms", default="MCAR")
    options.add_argument("--max-rows", type=int, default=6000, help="of a table, to fit on and to fill in")
    options.add_argument("--limit", type=int, default=3600, help="seconds that the library may take for a table")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    print(f"{chosen.library} {peer_version(chosen)}")
    seeds = tuple(int(seed) for seed in chosen.seeds.split(","))
    mechanisms = tuple(chosen.mechanisms.split(","))
    tasks = protocol.impute_tasks(mechanisms=mechanisms, seeds=seeds, max_rows=chosen.max_rows)
    rows = []
    for task in common.wanted(tasks, chosen.only):
        for method, result in (("ours", ours(task)), (chosen.library, peer(task, chosen))):
            rows.append(figures(protocol, task, method, result))
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in rows[-1].items()}, flush=True)
    found = common.save(rows, chosen.output)
    if "rmse" in found:
        rmse = found.pivot(index=["data", "mechanism", "seed"], columns="method", values="rmse").dropna()
        ratio = np.exp(np.log(rmse[chosen.library] / rmse["ours"]).mean())
        print(f"RMSE of {chosen.library} over ours, geometric mean of {len(rmse)} tasks: {ratio:.3f}")


if __name__ == "__main__":
    main()
