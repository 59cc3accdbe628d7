"""A new variant costs one short class, and does all that the others do."""

from __future__ import annotations

import inspect

import pytest
from behaviours import BEHAVIOURS
from cases import SMALL, quick
from data import few_columns
from sklearn.utils.estimator_checks import parametrize_with_checks

from anomalib_vae import VAE, AnomalyDetector, VAEImputer
from anomalib_vae.parameters import parameter

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


class CautiousVAE(VAE):
    """A VAE with a divergence that weighs more, the more columns there are."""

    caution: float = parameter(default=0.5, at_least=0.0, doc="Power of the number of columns.")
    activation = "tanh"

    def _architecture(self, layout):
        plain = super()._architecture(layout)
        return type(plain)(**{**vars(plain), "beta": self.beta * len(layout.blocks) ** self.caution})


def test_takes_under_twenty_lines():
    assert len(inspect.getsource(CautiousVAE).splitlines()) < 20


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
def test_does_what_the_others_do(behaviour, tmp_path):
    behaviour(CautiousVAE(**SMALL, caution=0.1), tmp_path)


@parametrize_with_checks([quick(CautiousVAE(**SMALL))])
def test_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


def test_its_parameter_has_an_effect():
    frame = few_columns()
    one, other = (CautiousVAE(**SMALL, caution=c).fit(frame).score_samples(frame) for c in (0.0, 1.0))
    assert not (one == other).all()


def test_its_parameter_is_checked_and_named():
    with pytest.raises(ValueError, match=r"CautiousVAE\.caution must be at least 0\.0, got -1"):
        CautiousVAE(caution=-1).fit(few_columns())
    with pytest.raises(ValueError, match=r"CautiousVAE\.activation must be one of .*, got 'sine'"):
        CautiousVAE(activation="sine").fit(few_columns())


def test_states_only_what_is_different():
    assert CautiousVAE().activation == "tanh"
    assert set(CautiousVAE().get_params()) == {*VAE().get_params(), "caution"}
    assert repr(CautiousVAE(activation="tanh")) == "CautiousVAE()"


def test_serves_both_roles():
    frame = few_columns()
    assert set(AnomalyDetector(CautiousVAE(**SMALL)).fit(frame).predict(frame)) <= {-1, 1}
    assert VAEImputer(CautiousVAE(**SMALL)).fit_transform(frame).equals(frame)
