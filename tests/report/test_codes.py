"""The picture of the codes shows each class, and says what t-SNE can't tell."""

from __future__ import annotations

import numpy as np
import pytest
from data import digits, few_columns
from matplotlib.colors import to_hex
from sklearn.base import BaseEstimator

from anomalib_vae.report import codes, latent_space
from anomalib_vae.report.palette import CLASSES, OTHERS


class Coded(BaseEstimator):
    """A model whose codes are its input."""

    codec_ = None

    def fit(self, X):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        return np.asarray(X)


def plane(rows: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 2))


def points(figure) -> dict[str, np.ndarray]:
    """What is drawn of each class, by its label."""
    return {group.get_label(): np.asarray(group.get_offsets()) for group in figure.axes[0].collections}


def test_two_dimensions_are_drawn_as_they_are(of_plane):
    labels = np.arange(150) % 3
    drawn = points(latent_space(of_plane, digits(), labels))
    assert list(drawn) == ["0", "1", "2"]
    found = of_plane.transform(digits())
    for label, group in drawn.items():
        np.testing.assert_allclose(group, found[labels == int(label)])


def test_a_class_is_named_in_the_middle_of_its_points_in_their_colour():
    labels = np.array(["a", "b"] * 10)
    figure = latent_space(Coded(), plane(20), labels)
    first, second = figure.axes[0].texts
    assert (first.get_text(), second.get_text()) == ("a", "b")
    np.testing.assert_allclose(second.get_position(), np.median(plane(20)[1::2], axis=0))
    assert to_hex(first.get_color()) == CLASSES[0]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["a", "b"]


def test_without_labels_all_points_are_alike():
    figure = latent_space(Coded(), plane(20))
    (group,) = figure.axes[0].collections
    assert len(group.get_offsets()) == 20
    assert figure.axes[0].get_legend() is None


def test_seldom_classes_and_missing_labels_are_the_others():
    labels = np.array([f"class {i}" for i in range(12) for _ in range(5)] + ["class 7"] * 5 + [None] * 3, dtype=object)
    figure = latent_space(Coded(), plane(68), labels)
    drawn = points(figure)
    assert len(drawn) == len(CLASSES) + 1
    assert sum(map(len, drawn.values())) == 68
    assert len(drawn["others"]) == 2 * 5 + 3
    assert len(drawn["class 7"]) == 10
    assert to_hex(figure.axes[0].collections[0].get_facecolor()[0]) == OTHERS


def test_more_dimensions_are_embedded_with_the_caveat(of_bytes):
    images = (255 * digits()).round().astype(np.uint8)
    figure = latent_space(of_bytes, images[:40], np.arange(40) % 2)
    again = latent_space(of_bytes, images[:40], np.arange(40) % 2)
    for label, group in points(figure).items():
        assert group.shape == (20, 2)
        np.testing.assert_array_equal(group, points(again)[label])
    assert "t-SNE of codes of 128 dimensions" in figure.axes[0].get_xlabel()
    assert "distances between groups and the sizes of groups mean nothing" in figure.axes[0].get_xlabel()
    assert list(figure.axes[0].get_xticks()) == []


def test_neighbours_stay_neighbours():
    random = np.random.default_rng(0)
    far_apart = random.normal(size=(60, 5)) + 50 * np.repeat(np.arange(3), 20)[:, None]
    groups = list(points(latent_space(Coded(), far_apart, np.repeat(["a", "b", "c"], 20))).values())
    middles = [group.mean(0) for group in groups]
    for own, group in enumerate(groups):
        distances = [np.linalg.norm(group - middle, axis=1) for middle in middles]
        assert (np.argmin(distances, axis=0) == own).all()


def test_tables_have_codes_too(of_table):
    figure = latent_space(of_table, few_columns()[:30])
    assert "t-SNE of codes of 8 dimensions" in figure.axes[0].get_xlabel()


def test_more_rows_than_fit_are_thinned(monkeypatch):
    monkeypatch.setattr(codes, "MOST", 10)
    figure = latent_space(Coded(), plane(20), np.repeat([0, 1], 10))
    assert {label: len(group) for label, group in points(figure).items()} == {"0": 5, "1": 5}
    assert figure.axes[0].get_xlabel() == "first dimension of the code; 10 of 20 rows"


@pytest.mark.parametrize(
    ("X", "labels", "words"),
    [
        (plane(9)[:, :1], None, "must have at least two dimensions, Coded has one: latent_dim=2"),
        (np.ones((9, 3)), None, "the codes don't vary"),
        (np.eye(4), None, "t-SNE needs at least 5 rows, got 4"),
        (plane(9), [1, 2], r"labels must have shape \(9,\), one for each row, got \(2,\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(X, labels, words):
    with pytest.raises(ValueError, match=words):
        latent_space(Coded(), X, labels)
