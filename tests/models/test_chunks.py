"""Rows go through a model part by part: in order, with any number of threads, and each as if it were alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from cases import SMALL, quick
from data import few_columns, mixed_frame, wine, with_holes

from anomalib_vae import VAE, AnomalyDetector, HierarchicalVAE, RobustVAE
from anomalib_vae.codec.batch import Batch
from anomalib_vae.models import chunks

pytestmark = [
    pytest.mark.filterwarnings("ignore:posterior collapse"),
    pytest.mark.filterwarnings("ignore:column .* levels never seen in training"),
]
ROWS = Batch.complete(torch.arange(40.0)[:, None])


@pytest.fixture
def threads():
    """Sets torch's threads for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def seen_by_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_parts_come_back_in_order(count, threads, monkeypatch):
    monkeypatch.setattr(chunks, "PART", 7)
    threads(count)
    sizes = []

    def function(part):
        sizes.append(len(part))
        return part.values[:, 0].numpy()

    np.testing.assert_array_equal(chunks.by_parts(function, ROWS), np.arange(40))
    assert sorted(sizes) == [5, *[7] * 5]


def test_each_thread_computes_alone_and_torchs_setting_stays(threads, monkeypatch):
    monkeypatch.setattr(chunks, "PART", 7)
    threads(3)
    found = chunks.by_parts(lambda part: np.full(len(part), torch.get_num_threads()), ROWS)
    np.testing.assert_array_equal(found, 1)
    assert torch.get_num_threads() == 3
    assert seen_by_new_thread() == 3


def test_parts_may_be_of_another_size():
    sizes = []
    chunks.by_parts(lambda part: sizes.append(len(part)) or part.values.numpy(), ROWS, 15)
    assert sizes == [15, 15, 10]


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_in_a_part_is_raised(count, threads, monkeypatch):
    monkeypatch.setattr(chunks, "PART", 7)
    threads(count)

    def function(part):
        if 20.0 in part.values:
            raise ValueError("the third part")
        return part.values.numpy()

    with pytest.raises(ValueError, match="the third part"):
        chunks.by_parts(function, ROWS)


def test_no_gradient_is_kept():
    found = chunks.evaluate(lambda part: (part.values * torch.ones(1, requires_grad=True)).sum(1), ROWS)
    np.testing.assert_array_equal(found, np.arange(40))


@pytest.mark.parametrize("table", [wine, mixed_frame, lambda: with_holes(wine(), 0.02)], ids=["wine", "mixed", "holes"])
@pytest.mark.parametrize("model", [VAE, RobustVAE, HierarchicalVAE])
def test_a_score_is_the_same_in_any_company(model, table, threads, monkeypatch):
    """Alone, at every place of parts and chunks of several sizes, and with one, two and five threads."""
    frame = table()
    detector = AnomalyDetector(quick(model(**SMALL))).fit(frame)
    expected = np.concatenate([detector.score_samples(frame.iloc[[i]]) for i in range(len(frame))])
    for part, chunk in ((1, 1), (7, 3), (64, 16), (50, 50), (4096, 512)):
        monkeypatch.setattr(chunks, "PART", part)
        monkeypatch.setattr(chunks, "CHUNK", chunk)
        for count in (1, 2, 5):
            threads(count)
            np.testing.assert_allclose(detector.score_samples(frame), expected, rtol=0, atol=1e-9)
        np.testing.assert_allclose(detector.score_samples(frame[::-1])[::-1], expected, rtol=0, atol=1e-9)


def test_the_thread_count_changes_no_bit_of_many_rows(threads):
    """More rows than a part holds: then no operation is split between threads."""
    rows = np.tile(few_columns().to_numpy(), (60, 1))
    assert len(rows) > 2 * chunks.PART
    detector = AnomalyDetector(quick(VAE(**SMALL))).fit(few_columns().to_numpy())
    threads(2)
    two = detector.score_samples(rows)
    threads(3)
    np.testing.assert_array_equal(detector.score_samples(rows), two)
