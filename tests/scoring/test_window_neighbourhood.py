"""Distances between windows: what they are made of, and that a series is not compared with itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from cases import SMALL

import anomalib_vae
from anomalib_vae import AnomalyDetector, SequenceVAE
from anomalib_vae.codec.batch import Batch, Block, Layout
from anomalib_vae.codec.windows import WindowLayout
from anomalib_vae.datasets import load_server_machine
from anomalib_vae.scoring.one_step import OneStep
from anomalib_vae.scoring.recognition import UNKNOWN
from anomalib_vae.scoring.window_neighbourhood import NEAREST, VIEWS, WindowNeighbourhood
from anomalib_vae.scoring.window_space import AXES, FEW, SMALLEST_SCALE, WindowSpace

QUICK = SMALL | {"max_epochs": 1}


def layout(sensors: int, length: int) -> WindowLayout:
    return WindowLayout.of(Layout(tuple(Block(f"s{i}", "real", i, i + 1, 1) for i in range(sensors))), length)


def space(windows: torch.Tensor, sensors: int, is_shape: bool = False) -> WindowSpace:
    length = windows.shape[1] // sensors
    starts = torch.arange(len(windows)) * length
    generator = torch.Generator().manual_seed(0)
    return WindowSpace.fit(Batch.complete(windows), layout(sensors, length), is_shape, starts, generator)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- the space
def test_a_noisy_sensor_counts_in_units_of_its_noise():
    windows = noise(200, 2 * 8).view(200, 8, 2) * torch.tensor([0.01, 1.0])
    scale = space(windows.flatten(1), 2).scale
    assert scale[0] == pytest.approx(SMALLEST_SCALE)
    assert 0.4 < scale[1] < 1.4


def test_short_windows_keep_their_distances():
    windows = noise(100, 30)
    found = space(windows, 3)
    axes, lengths = found(Batch.complete(windows))
    scaled = (windows.double().view(100, 10, 3) / found.scale).flatten(1)
    torch.testing.assert_close(torch.cdist(axes, axes), torch.cdist(scaled, scaled), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(lengths, axes.square().sum(1))


def test_long_windows_keep_them_where_references_differ():
    """Two sensors of a slow wave: a few axes tell all."""
    time, phases = torch.arange(160.0), 6.28 * torch.rand(300, 1, generator=torch.Generator().manual_seed(1))
    windows = torch.stack([torch.sin(time / 20 + phases), torch.cos(time / 20 + phases)], -1).flatten(1)
    assert windows.shape[1] > FEW
    found = space(windows, 2)
    axes, lengths = found(Batch.complete(windows[:50]))
    assert axes.shape == (50, AXES)
    scaled = (windows[:50].double().view(50, 160, 2) / found.scale).flatten(1)
    torch.testing.assert_close(torch.cdist(axes, axes), torch.cdist(scaled, scaled), atol=0.05, rtol=0.01)
    odd = windows[:1] + noise(1, 320)
    (odd_axes,), (odd_length,) = found(Batch.complete(odd))
    assert odd_length - odd_axes.square().sum() > 100 * (lengths - axes.square().sum(1)).max()


def test_shapes_forget_the_level():
    windows = noise(50, 20)
    found = space(windows, 2, is_shape=True)
    moved = (windows.view(50, 10, 2) + torch.tensor([5.0, -3.0])).flatten(1)
    one, other = (found(Batch.complete(w))[0] for w in (windows, moved))
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_a_missing_cell_is_the_mean_of_its_sensor_in_the_window():
    windows = torch.ones(10, 6) * 4
    found = space(windows + noise(10, 6), 2)
    observed = torch.ones(10, 6)
    observed[0, 2] = 0
    holed = Batch(windows * observed, observed)
    torch.testing.assert_close(found(holed)[0][0], found(Batch.complete(windows))[0][0])


# ---------------------------------------------------------------- the neighbourhood
def machine(rows: slice = slice(0, 1500)) -> pd.DataFrame:
    return load_server_machine().drop(columns=["split", "label"]).iloc[rows, :5].reset_index(drop=True)


@pytest.fixture(scope="module")
def detector():
    return AnomalyDetector(SequenceVAE(**QUICK, window=16)).fit(machine())


def test_there_is_a_view_of_each_length(detector):
    found = [(v.space.layout.length, bool(v.space.is_shape)) for v in detector.neighbourhood_.views]
    assert found == list(VIEWS)


def test_a_short_series_gets_short_views():
    short = AnomalyDetector(SequenceVAE(**QUICK, window=4)).fit(machine(slice(0, 100)))
    assert [v.space.layout.length for v in short.neighbourhood_.views] == [16, 25, 25]
    tiny = AnomalyDetector(SequenceVAE(**QUICK, window=4)).fit(machine(slice(0, 3)))
    assert np.isfinite(tiny.score_samples(machine(slice(0, 3)))).all()


def test_training_is_not_compared_with_itself(detector):
    """Else each of its windows would have the distance 0, and no anomaly in it could be found."""
    near, model = detector.neighbourhood_, detector.model_
    itself = near.remoteness(model, machine())
    copy = near.remoteness(model, machine().assign(metric_0=lambda frame: frame["metric_0"] + 1e-7))
    assert np.median(itself) > np.median(copy) + 0.5 * float(near.nats)
    part = near.remoteness(model, machine(slice(192, 896)))  # where windows of all lengths begin
    np.testing.assert_allclose(part[128:-128], itself[320:768], atol=1e-6)


def test_what_was_never_seen_is_remote(detector):
    odd = machine(slice(100, 400))
    odd.loc[150:170, "metric_1"] = 2.0
    remoteness = detector.neighbourhood_.remoteness(detector.model_, odd)
    assert 22 <= remoteness.argmax() <= 298
    assert remoteness[150:171].min() > 5 * np.median(remoteness[:20])


def test_a_series_without_any_variation_is_scored():
    still = pd.DataFrame({"one": np.ones(300), "other": np.arange(300) // 150})
    detector = AnomalyDetector(SequenceVAE(**QUICK, window=8)).fit(still)
    assert np.isfinite(detector.score_samples(still)).all()
    jump = still.copy()
    jump.loc[100:110, "one"] = 5.0
    assert 90 <= detector.score_samples(jump).argmin() <= 120 + 128


def test_it_is_saved_and_weighed(detector, tmp_path):
    again = anomalib_vae.load(detector.save(tmp_path / "m") and tmp_path / "m")
    np.testing.assert_array_equal(again.score_samples(machine()), detector.score_samples(machine()))
    assert WindowNeighbourhood.around(detector.model_, machine(), 0.0) is None
    twice = WindowNeighbourhood.around(detector.model_, machine(), 2.0)
    assert float(twice.nats) == pytest.approx(2 * float(detector.neighbourhood_.nats))


# ---------------------------------------------------------------- one window at a time
@pytest.mark.parametrize("of_training", [False, True], ids=["elsewhere", "of training"])
@pytest.mark.parametrize("has_gaps", [False, True], ids=["complete", "with gaps"])
def test_a_window_alone_is_as_far_as_among_others(has_gaps, of_training):
    X = load_server_machine().drop(columns=["split", "label"]).iloc[:600, :4]
    near = AnomalyDetector(SequenceVAE(**QUICK, window=8)).fit(X).neighbourhood_
    steps = noise(5, near.longest, 4)
    observed = torch.ones_like(steps).masked_fill_(noise(5, near.longest, 4, seed=1) > 1, 0.0 if has_gaps else 1.0)
    steps, last = steps * observed, 300 if of_training else UNKNOWN
    fewer = {part: getattr(near.views[0], part)[:2] for part in ("references", "rests", "places")}
    views, expected = (*near.views, replace(near.views[0], **fewer)), np.zeros(5)
    for view in views:
        length, of_windows = view.space.layout.length, view.space.layout.join
        windows = Batch(of_windows(steps[:, -length:]), of_windows(observed[:, -length:]))
        expected += view.excess((windows, torch.full((5,), last - length + 1)))
    one_step = OneStep(views, NEAREST)
    found = [one_step.excess(s.numpy(), o.numpy() > 0, last) for s, o in zip(steps, observed, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_window_without_a_reference_is_as_usual_as_any():
    X = load_server_machine().drop(columns=["split", "label"]).iloc[:40, :4]
    near = AnomalyDetector(SequenceVAE(**QUICK, window=8)).fit(X).neighbourhood_
    view = max(near.views, key=lambda view: view.space.layout.length)
    overlapping = replace(view, places=torch.full_like(view.places, 10))
    length = view.space.layout.length
    one_step = OneStep((overlapping,), NEAREST)
    assert one_step.excess(np.zeros((length, 4), np.float32), np.ones((length, 4), bool), 10 + length) == 0.0
