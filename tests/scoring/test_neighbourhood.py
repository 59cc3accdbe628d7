"""Distances from the training rows, alone and as a part of a detector's score."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import SMALL, quick
from data import few_columns, mixed_frame, with_holes
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors

from anomalib_vae import VAE, AnomalyDetector, load
from anomalib_vae.codec.batch import Batch
from anomalib_vae.scoring.neighbourhood import MAX_REFERENCES, Neighbourhood, _of_references

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


def rows(n, width=4, seed=0) -> torch.Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def around(values, observed=None) -> Neighbourhood:
    batch = Batch.complete(values) if observed is None else Batch(values * observed, observed)
    return _of_references(batch, nats=1.0)


def test_the_first_distance_is_to_the_nearest_reference():
    references, others = rows(200), rows(50, seed=1)
    expected = NearestNeighbors(n_neighbors=1).fit(references.numpy()).kneighbors(others.numpy())[0][:, 0]
    found = around(references).distances(Batch.complete(others))[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def by_definition(neighbourhood, row, observed) -> tuple[float, float]:
    """Both distances of one row, reference by reference."""
    shared = neighbourhood.observed * observed
    squares = (shared * (neighbourhood.values - row).square()).sum(1) * len(row) / shared.sum(1)
    n_bulk = int(neighbourhood.n_bulk)

    def nearest(places):
        found = squares[[place for place in places if shared[place].any()]].sort().values
        found = found[1:] if len(found) and found[0] < 1e-12 else found
        return float(found[0].sqrt()) if len(found) else np.nan

    parts = [nearest(range(start, n_bulk, 3)) for start in range(min(3, n_bulk))]
    return nearest(range(len(squares))), float(np.nanmean(parts))


@pytest.mark.parametrize("share", [0.0, 0.4])
@pytest.mark.parametrize("references_too", [True, False])
def test_both_distances_are_those_of_the_definition(share, references_too):
    """Whole and holed rows in one batch, some of them copies of one reference or of two."""
    values = torch.cat([rows(330), rows(10, seed=2), rows(10, seed=2)])
    holed = (torch.rand(350, 4, generator=torch.Generator().manual_seed(3)) > share).double()
    holed[:, 0] = 1.0
    neighbourhood = around(values, holed if references_too else None)
    others = torch.cat([rows(300, seed=1), values[:40], values[-20:]])
    observed = torch.cat([holed[:300], torch.ones(60, 4, dtype=torch.float64)])
    expected = [by_definition(neighbourhood, *pair) for pair in zip(others * observed, observed, strict=True)]
    np.testing.assert_allclose(neighbourhood.distances(Batch(others * observed, observed)), expected, atol=1e-6)
    if share == 0:
        np.testing.assert_allclose(neighbourhood.distances(Batch.complete(others)), expected, atol=1e-6)


def test_a_row_is_no_neighbour_of_itself_but_its_copies_are():
    references = torch.cat([rows(100), rows(1, seed=5), rows(1, seed=5)])
    found = around(references).distances(Batch.complete(references))[:, 0]
    expected = NearestNeighbors(n_neighbors=2).fit(references.numpy()).kneighbors(references.numpy())[0][:, 1]
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    np.testing.assert_array_equal(found[-2:], 0)


def test_a_cluster_apart_is_near_itself_and_far_from_the_bulk():
    references = torch.cat([rows(475), 8 + 0.1 * rows(25, seed=1)])
    neighbourhood = around(references)
    nearest, to_bulk = neighbourhood.distances(Batch.complete(8 + 0.1 * rows(5, seed=2))).T
    assert (nearest < 1).all()
    assert (to_bulk > 8).all()
    assert int(neighbourhood.n_bulk) == 450


def test_missing_cells_are_stood_for_by_the_others():
    references, row = rows(100), rows(1, seed=3)
    observed = torch.tensor([[1.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    found = around(references).distances(Batch(row * observed, observed))[0, 0]
    expected = (2 * (references[:, :2] - row[:, :2]).square().sum(1)).min().sqrt()
    assert found == pytest.approx(float(expected))
    holes = (rows(100, seed=4) > 0).double()
    assert np.isfinite(around(references, holes).remoteness(Batch(references * holes, holes))).all()


def test_a_row_without_an_observed_cell_is_not_remote():
    nothing = torch.zeros(2, 4, dtype=torch.float64)
    np.testing.assert_array_equal(around(rows(50)).remoteness(Batch(nothing, nothing)), 0)


@pytest.mark.parametrize("references", [rows(1), rows(2), rows(3), torch.zeros(40, 4, dtype=torch.float64)])
def test_few_and_equal_references_give_finite_numbers(references):
    assert np.isfinite(around(references).remoteness(Batch.complete(rows(9, seed=1)))).all()
    assert np.isfinite(around(references).remoteness(Batch.complete(references))).all()


def test_the_references_are_a_bounded_sample():
    frame = np.random.default_rng(0).normal(size=(MAX_REFERENCES + 500, 3))
    detector = AnomalyDetector(quick(VAE(**SMALL), epochs=1)).fit(frame)
    assert detector.neighbourhood_.values.shape == (MAX_REFERENCES, 3)


def test_a_detector_joins_it_to_the_score_of_its_model():
    frame, model = with_holes(mixed_frame()), quick(VAE(**SMALL))
    alone = AnomalyDetector(model, neighbour_weight=0).fit(frame)
    assert alone.neighbourhood_ is None
    np.testing.assert_array_equal(alone.score_samples(frame), alone.model_.score_samples(frame))
    joined = AnomalyDetector(FrozenEstimator(alone.model_)).fit(frame)
    doubled = AnomalyDetector(FrozenEstimator(alone.model_), neighbour_weight=2).fit(frame)
    once, twice = (alone.score_samples(frame) - d.score_samples(frame) for d in (joined, doubled))
    np.testing.assert_allclose(2 * once, twice)
    assert np.std(once) > 0
    scores = alone.score_samples(frame)
    assert float(joined.neighbourhood_.nats) == pytest.approx(np.subtract(*np.percentile(scores, [75, 25])))


def test_a_hole_between_clusters_is_found_by_distance():
    """Two clusters, and a row between them, which a density as coarse as a Gaussian takes for the most normal."""
    generator = np.random.default_rng(0)
    frame = generator.normal(np.repeat([[-5.0], [5.0]], 100, axis=0), 0.3, (200, 2))
    detector = AnomalyDetector(quick(VAE(**SMALL)), contamination=0.01).fit(frame)
    assert detector.predict([[0.0, 0.0]]) == [-1]
    assert detector.predict([[5.0, 5.0]]) == [1]


def test_it_is_saved_with_the_detector(tmp_path):
    detector = AnomalyDetector(quick(VAE(**SMALL))).fit(few_columns())
    detector.save(tmp_path)
    again = load(tmp_path)
    np.testing.assert_array_equal(again.score_samples(few_columns()), detector.score_samples(few_columns()))
    for name, tensor in detector.neighbourhood_.state().items():
        assert torch.equal(tensor, again.neighbourhood_.state()[name])
