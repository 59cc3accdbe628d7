"""What all pictures have in common: they touch no global state, and say what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from anomalib_vae import report
from anomalib_vae.report import score_histogram

DRAW = """
import sys
import matplotlib
before = matplotlib.rcParams.copy()
import numpy as np
from anomalib_vae.report import imputed_against_observed, score_histogram
score_histogram([1.0, 2.0, 5.0], 1.5).savefig({path!r})
X = np.array([[1.0], [2.0], [np.nan]])
imputed_against_observed(X, np.nan_to_num(X)).savefig({path!r})
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams.copy() == before
"""


def python(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_drawing_needs_no_pyplot_and_changes_no_setting(tmp_path):
    python(DRAW.format(path=str(tmp_path / "picture.png")))
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_importing_the_report_imports_nothing_slow():
    python("import sys, anomalib_vae.report\nassert not {'matplotlib', 'torch', 'sklearn'} & set(sys.modules)")


def test_the_menu_matches():
    assert report.__all__ == sorted(report._HOME) == dir(report)
    for name, home in report._HOME.items():
        assert getattr(report, name).__module__ == home
    with pytest.raises(AttributeError, match=r"module 'anomalib_vae\.report' has no attribute 'pie_chart'"):
        report.pie_chart  # noqa: B018


WITHOUT = """
import sys
sys.modules["matplotlib"] = None
import numpy as np
from anomalib_vae.report import imputed_against_observed, score_histogram
X = np.array([[1.0], [2.0], [np.nan]])
try:
    {call}
except ImportError as error:
    assert 'pip install "anomalib-vae[report]"' in str(error), error
else:
    raise AssertionError("drawn without matplotlib")
"""


@pytest.mark.parametrize("call", ["score_histogram([1.0, 2.0])", "imputed_against_observed(X, np.nan_to_num(X))"])
def test_without_matplotlib_the_error_names_the_extra(call):
    python(WITHOUT.format(call=call))


def test_a_notebook_shows_the_picture():
    assert score_histogram([1.0, 2.0, 5.0])._repr_png_().startswith(b"\x89PNG")
