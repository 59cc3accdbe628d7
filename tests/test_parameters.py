"""Parameters are declared once, stored as given, and checked with words that name them."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import numpy as np
import pytest
from cases import ESTIMATORS, name
from sklearn.base import BaseEstimator, clone

import anomalib_vae
from anomalib_vae import VAE, DenoisingVAE, HierarchicalVAE, RobustVAE
from anomalib_vae.parameters import Parameterized, parameter


class Shrunk(Parameterized, BaseEstimator):
    strength: float = parameter(default=0.5, at_least=0, at_most=1, doc="Weight of the shrinkage.")
    rate: float = parameter(default=1.0, above=0, below=2)
    width: int | str = parameter(default="auto", at_least=1, options=("auto",))
    widths: tuple[int, ...] = parameter(default=(1, 2), at_least=1)
    kind: str = parameter(default="plain", options=("plain", "fancy"))
    patience: int | None = parameter(default=None, at_least=1)
    verbose: bool = parameter(default=False)
    anything: Any = parameter(default=None)


class MoreShrunk(Shrunk):
    extra: float = parameter(default=0.0)
    strength = 0.9


class StillMoreShrunk(MoreShrunk):
    strength = 1.0
    kind = "fancy"


WRONG = [
    ({"strength": -0.1}, ValueError, "Shrunk.strength must be at least 0, got -0.1"),
    ({"strength": 1.1}, ValueError, "Shrunk.strength must be at most 1, got 1.1"),
    ({"strength": float("nan")}, ValueError, "Shrunk.strength must be at least 0, got nan"),
    ({"strength": "1"}, TypeError, "Shrunk.strength must be a number, got '1' of type str"),
    ({"strength": True}, TypeError, "Shrunk.strength must be a number, got True of type bool"),
    ({"strength": None}, TypeError, "Shrunk.strength must be a number, got None"),
    ({"strength": np.array([0.1, 0.2])}, TypeError, "Shrunk.strength must be a number"),
    ({"rate": 0}, ValueError, "Shrunk.rate must be above 0, got 0"),
    ({"rate": 2}, ValueError, "Shrunk.rate must be below 2, got 2"),
    ({"width": 0}, ValueError, "Shrunk.width must be at least 1, got 0"),
    ({"width": "wide"}, ValueError, "Shrunk.width must be one of 'auto'.*got 'wide'"),
    ({"width": 1.0}, TypeError, "Shrunk.width must be an integer or a string, got 1.0"),
    ({"widths": (3, 0)}, ValueError, "Shrunk.widths must be at least 1, got 0"),
    ({"widths": 3}, TypeError, "Shrunk.widths must be a tuple of"),
    ({"widths": ("a",)}, TypeError, "Shrunk.widths must be a tuple of"),
    ({"widths": [3, 0]}, ValueError, "Shrunk.widths must be at least 1, got 0"),
    ({"kind": "odd"}, ValueError, "Shrunk.kind must be one of 'plain', 'fancy', got 'odd'"),
    ({"kind": 3}, TypeError, "Shrunk.kind must be a string, got 3"),
    ({"patience": 0}, ValueError, "Shrunk.patience must be at least 1"),
    ({"patience": 1.5}, TypeError, "Shrunk.patience must be an integer or None"),
    ({"verbose": 1}, TypeError, "Shrunk.verbose must be True or False"),
]


@pytest.mark.parametrize(("parameters", "error", "message"), WRONG, ids=[repr(case[0]) for case in WRONG])
def test_wrong_values_are_named(parameters, error, message):
    estimator = Shrunk(**parameters)  # storing is not checking
    with pytest.raises(error, match=message):
        estimator.check_parameters()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"strength": 0, "rate": 1e-9, "width": 1},
        {"strength": np.float32(0.5), "width": np.int64(3)},
        {"widths": ()},
        {"widths": [4, 5]},
        {"patience": None, "anything": [1]},
    ],
    ids=repr,
)
def test_right_values_pass(parameters):
    Shrunk(**parameters).check_parameters()


def test_a_subclass_adds_its_own_and_may_change_a_default():
    assert list(inspect.signature(MoreShrunk).parameters) == [*inspect.signature(Shrunk).parameters, "extra"]
    assert (Shrunk().strength, MoreShrunk().strength, StillMoreShrunk().strength) == (0.5, 0.9, 1.0)
    assert StillMoreShrunk().kind == "fancy"
    assert StillMoreShrunk(kind="plain").kind == "plain"
    assert set(StillMoreShrunk().get_params()) == set(MoreShrunk().get_params())


def test_a_changed_default_keeps_the_rules():
    with pytest.raises(ValueError, match=r"StillMoreShrunk\.strength must be at most 1"):
        StillMoreShrunk(strength=2.0).check_parameters()


def test_a_changed_default_is_the_default_of_repr_and_clone():
    assert repr(MoreShrunk(strength=0.9)) == "MoreShrunk()"
    assert repr(MoreShrunk(strength=0.5)) == "MoreShrunk(strength=0.5)"
    assert clone(MoreShrunk(extra=2.0)).get_params() == MoreShrunk(extra=2.0).get_params()


def test_an_init_of_ones_own_is_refused():
    with pytest.raises(
        TypeError, match=r"Own declares its parameters with parameter\(...\), so it must not define __init__"
    ):

        class Own(Shrunk):
            def __init__(self):
                pass


def test_parameters_are_keywords():
    with pytest.raises(TypeError, match="positional"):
        Shrunk(0.5)
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        Shrunk(depth=1)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name)
def test_init_only_stores(estimator):
    marker = object()
    for key in inspect.signature(type(estimator)).parameters:
        made = type(estimator)(**{key: marker})
        assert getattr(made, key) is marker
        assert set(vars(made)) == set(made.get_params(deep=False))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name)
def test_defaults_pass_their_own_checks(estimator):
    type(estimator)().check_parameters()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name)
def test_every_parameter_says_what_it_is(estimator):
    for field in dataclasses.fields(type(estimator)):
        assert field.metadata["doc"], field.name


def test_the_same_thing_has_the_same_name_everywhere():
    common = set(VAE().get_params())
    for model in (DenoisingVAE, RobustVAE, HierarchicalVAE):
        assert common <= set(model().get_params())


def test_presets_differ_from_a_vae_only_where_they_say_so():
    plain = VAE().get_params()
    changed = {k for k, v in RobustVAE().get_params().items() if v != plain[k]}
    assert "likelihood" in changed
    assert anomalib_vae.RobustVAE().likelihood == "correntropy"
    assert DenoisingVAE().corruption == "mask"


def test_a_new_default_is_taken_behind_a_class_that_declares_nothing():
    class Mixin:
        pass

    class Narrow(Mixin, VAE):
        activation = "tanh"

    assert Narrow().activation == "tanh"
    with pytest.raises(ValueError, match=r"Narrow.activation must be one of"):
        Narrow(activation="none").check_parameters()
