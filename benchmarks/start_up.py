"""How long the package takes to start: the import beside Python's own start, and the command line's help.

python benchmarks/start_up.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

RUNS = 15


def seconds(*command: str) -> float:
    """The fastest of several whole processes."""
    best = float("inf")
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        best = min(best, time.perf_counter() - started)
    return best


def main() -> None:
    bare = seconds(sys.executable, "-c", "pass")
    print(f"python                 {bare:.3f} s")
    print(f"import anomalib_vae   +{seconds(sys.executable, '-c', 'import anomalib_vae') - bare:.3f} s")
    print(f"anomalib-vae --help    {seconds(str(Path(sys.executable).parent / 'anomalib-vae'), '--help'):.3f} s")


if __name__ == "__main__":
    main()
