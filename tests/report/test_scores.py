"""The histogram of scores draws what it claims."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from anomalib_vae.report import score_histogram
from anomalib_vae.report.canvas import ANOMALY, NORMAL
from anomalib_vae.report.scores import NatsAxis


def heavy_tailed(rows: int = 500) -> np.ndarray:
    """Scores like those of a detector: a bulk, and a tail that reaches far to the left."""
    random = np.random.default_rng(0)
    return 10 - np.exp(random.normal(1, 2, rows))


def heights(figure, colour) -> float:
    """The sum of the bars of one colour."""
    (axes,) = figure.axes
    return sum(bar.get_height() for bar in axes.patches if to_hex(bar.get_facecolor()) == colour)


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


SITUATIONS = {
    "heavy tail": heavy_tailed(),
    "all equal": np.full(7, -3.0),
    "one row": np.array([-3.0]),
    "equal but for one": np.array([-3.0] * 9 + [-500.0]),
    "far from zero": 1e9 + heavy_tailed(),
    "tiny": 1e-9 * heavy_tailed(),
}


@pytest.mark.parametrize("scores", SITUATIONS.values(), ids=SITUATIONS)
@pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning")
def test_bars_add_up_to_all_rows(scores):
    figure = score_histogram(scores)
    figure.canvas.draw()
    assert heights(figure, NORMAL) == pytest.approx(100)
    assert legend(figure) == [f"all rows ({len(scores)})"]


def test_each_kind_adds_up_to_its_own_whole():
    scores = heavy_tailed()
    anomalous = scores < np.percentile(scores, 10)
    figure = score_histogram(scores, anomalous=anomalous)
    assert heights(figure, NORMAL) == pytest.approx(100)
    assert heights(figure, ANOMALY) == pytest.approx(100)
    assert legend(figure) == ["normal (450)", "anomalous (50)"]
    left_of = [
        bar.get_x() for bar in figure.axes[0].patches if to_hex(bar.get_facecolor()) == ANOMALY and bar.get_height()
    ]
    assert max(left_of) < scores[anomalous].max()


@pytest.mark.parametrize(("anomalous", "label"), [(True, "anomalous (500)"), (False, "normal (500)")])
def test_one_kind_alone_is_drawn_alone(anomalous, label):
    assert legend(score_histogram(heavy_tailed(), anomalous=np.full(500, anomalous))) == [label]


@pytest.mark.parametrize("offset", [-20.0, -1e5, 500.0])
def test_the_threshold_stands_at_its_score_and_in_sight(offset):
    figure = score_histogram(heavy_tailed(), offset)
    (line,) = figure.axes[0].lines
    assert list(line.get_xdata()) == [offset, offset]
    low, high = figure.axes[0].get_xlim()
    assert low < offset < high
    assert f"threshold: {offset:.4g} nats" in legend(figure)


def test_rows_below_the_threshold_are_the_bars_left_of_it():
    scores = heavy_tailed()
    offset = float(np.percentile(scores, 20))
    figure = score_histogram(scores, offset)
    left = sum(bar.get_height() for bar in figure.axes[0].patches if bar.get_x() + bar.get_width() <= offset)
    right = sum(bar.get_height() for bar in figure.axes[0].patches if bar.get_x() >= offset)
    assert left <= 20 <= 100 - right


def test_axes_are_named():
    (axes,) = score_histogram(heavy_tailed()).axes
    assert axes.get_xlabel().startswith("score [nats]")
    assert axes.get_ylabel() == "rows [%]"
    (axes,) = score_histogram([1.0, 2.0], anomalous=[True, False]).axes
    assert axes.get_ylabel() == "rows of each kind [%]"


@pytest.mark.parametrize("scores", SITUATIONS.values(), ids=SITUATIONS)
def test_ticks_are_in_sight_and_apart(scores):
    figure = score_histogram(scores)
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    ticks = axes.get_xticks()
    assert ((low <= ticks) & (ticks <= high)).all()
    places = NatsAxis.around(scores).place(ticks)
    assert (np.diff(places) > 0.09 * np.ptp(NatsAxis.around(scores).place([low, high]))).all()


def test_the_axis_undoes_itself():
    axis = NatsAxis.around(heavy_tailed())
    scores = np.array([-1e6, -50.0, 0.0, 5.0, 1e4])
    assert axis.score(axis.place(scores)) == pytest.approx(scores)
    assert (np.diff(axis.place(scores)) > 0).all()


@pytest.mark.parametrize(
    ("scores", "anomalous", "words"),
    [
        ([], None, "at least one row"),
        ([[1.0, 2.0]], None, "shape"),
        ([1.0, np.nan], None, "finite"),
        ([1.0, -np.inf], None, "finite"),
        ([1.0, 2.0], [True], "anomalous must have shape"),
    ],
)
def test_what_cannot_be_drawn_is_refused(scores, anomalous, words):
    with pytest.raises(ValueError, match=words):
        score_histogram(scores, anomalous=anomalous)
