"""What sets each autoencoder apart from the plain one."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from cases import SMALL, quick
from data import digits, few_columns
from sklearn.decomposition import PCA

from anomalib_vae import (
    AnomalyDetector,
    Autoencoder,
    ContractiveAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
)
from anomalib_vae.networks.jacobian import squared_jacobian
from anomalib_vae.training.callbacks import Callback

NAMED = [Autoencoder, StackedAutoencoder, SparseAutoencoder, ContractiveAutoencoder]
ONE = SMALL | {"n_members": 1}


def flat() -> np.ndarray:
    return digits().reshape(-1, 64)


def error(model, images) -> float:
    return float(np.square(model.expected_features(images) - images.reshape(len(images), -1)).mean())


def jacobian(model, images) -> float:
    norms = squared_jacobian(model.network_, model._for_network(model.encode(images)))
    return float(norms.detach().mean())


@pytest.mark.parametrize("named", NAMED)
def test_a_named_class_states_only_what_is_different(named):
    assert len(inspect.getsource(named).splitlines()) < 80


def test_a_linear_one_spans_what_pca_spans():
    settings = {"hidden_dims": (), "activation": "linear", "backbone": "dense", "latent_dim": 4}
    model = Autoencoder(**settings, max_epochs=2000, learning_rate=0.03, random_state=0).fit(digits())
    pca = PCA(4).fit(flat())
    best = np.square(pca.inverse_transform(pca.transform(flat())) - flat()).mean()
    assert best <= error(model, digits()) < 1.01 * best


def test_a_wider_code_reconstructs_better_and_a_code_may_be_wider_than_the_data():
    errors = [error(Autoencoder(**ONE | {"max_epochs": 60}, latent_dim=k).fit(digits()), digits()) for k in (1, 8, 100)]
    assert errors[0] > errors[1] > errors[2]


def test_auto_makes_a_narrow_code():
    assert quick(Autoencoder(**ONE)).fit(few_columns()).transform(few_columns()).shape[1] == 2
    assert quick(Autoencoder(**ONE)).fit(digits()).transform(digits()).shape[1] == 32


def test_weight_decay_makes_weights_small():
    def size(weight_decay):
        model = Autoencoder(**ONE, weight_decay=weight_decay).fit(few_columns())
        return float(model.network_.encoder.head.weight.square().sum())

    assert size(10.0) < 0.5 * size(0.0)


@pytest.mark.parametrize("activation", ["linear", "relu", "sigmoid", "tanh", "selu", "step"])
def test_all_activations_learn(activation):
    settings = ONE | {"max_epochs": 120, "activation": activation, "backbone": "dense", "learning_rate": 0.02}
    model = Autoencoder(**settings, latent_dim=8).fit(digits())
    assert error(model, digits()) < 0.8 * float(flat().var(0).mean())


def test_a_step_code_is_binary_and_still_learns():
    settings = ONE | {"max_epochs": 200, "hidden_dims": (64,)}
    model = Autoencoder(**settings, latent_dim=16, code_activation="step").fit(digits())
    codes = model.transform(digits())
    assert set(np.unique(codes)) == {0.0, 1.0}
    assert len(np.unique(codes, axis=0)) > 30


def test_samples_are_decoded_codes_like_those_of_training():
    model = Autoencoder(**ONE | {"max_epochs": 60}, latent_dim=6).fit(digits())
    codes = model.transform(model.sample(400))
    trained = model.transform(digits())
    np.testing.assert_allclose(codes.mean(0), trained.mean(0), atol=0.6 * trained.std(0).max())


def test_corruption_makes_it_denoise():
    rng = np.random.default_rng(0)
    noisy = (digits() + 0.3 * rng.normal(size=digits().shape)).clip(0, 1)
    from anomalib_vae.losses.corruptions import GaussianNoise

    settings = {"max_epochs": 150, "hidden_dims": (64,), "latent_dim": 32, "random_state": 0, "learning_rate": 0.01}
    denoising = Autoencoder(**settings, corruption=GaussianNoise(0.3)).fit(digits()).reconstruct(noisy)
    assert np.square(denoising - digits()).mean() < 0.7 * np.square(noisy - digits()).mean()


# ------------------------------------------------------------------ stacked
def test_pretraining_starts_the_fine_tuning_lower():
    settings = {"hidden_dims": (32, 16), "latent_dim": 8, "random_state": 0, "n_members": 1, "max_epochs": 60}
    losses = [
        StackedAutoencoder(**settings, pretraining=share).fit(digits()).history_["model_loss"].iloc[0]
        for share in (0.5, 0.0)
    ]
    assert losses[0] < losses[1]


@pytest.mark.parametrize(("pretraining", "fine_tuning"), [(0.0, 20), (0.3, 14), (0.6, 8)])
def test_the_epochs_of_all_parts_are_max_epochs(pretraining, fine_tuning):
    model = StackedAutoencoder(**ONE, pretraining=pretraining).fit(few_columns())
    assert model.n_iter_ == len(model.history_) == fine_tuning


def test_pretraining_sees_no_rows_that_are_held_out(monkeypatch):
    from anomalib_vae.models import stacked

    seen = []
    monkeypatch.setattr(stacked, "train", lambda layer, data, *rest: seen.append(len(data)))
    quick(StackedAutoencoder(**ONE, validation_fraction=0.5)).fit(few_columns())
    assert seen == [89, 89]


def test_callbacks_follow_the_fine_tuning():
    class Counter(Callback):
        epochs = 0

        def on_epoch_end(self, run):
            self.epochs += 1

    counter = Counter()
    StackedAutoencoder(**ONE, callbacks=(counter,)).fit(few_columns())
    assert counter.epochs == 14


def test_a_stack_of_convolutions_is_refused():
    with pytest.raises(ValueError, match=r"StackedAutoencoder\.backbone must be one of 'dense', got 'conv'"):
        StackedAutoencoder(backbone="conv").fit(digits())


# ------------------------------------------------------------------ sparse and contractive
@pytest.mark.parametrize("sparsity", [0.05, 0.2])
def test_code_units_are_as_active_as_was_asked(sparsity):
    model = SparseAutoencoder(**ONE | {"max_epochs": 150}, sparsity=sparsity, penalty=3.0).fit(digits())
    assert model.transform(digits()).mean() == pytest.approx(sparsity, abs=0.02)


def test_a_contractive_code_changes_less():
    settings = {"max_epochs": 100, "random_state": 0, "latent_dim": 16, "learning_rate": 0.01}
    plain, contracted = (ContractiveAutoencoder(**settings, penalty=p).fit(digits()) for p in (0.0, 0.3))
    assert jacobian(contracted, digits()) < 0.5 * jacobian(plain, digits())


@pytest.mark.parametrize("named", NAMED)
def test_a_detector_takes_them(named):
    detector = AnomalyDetector(quick(named(**ONE))).fit(digits())
    assert set(detector.predict(digits())) <= {-1, 1}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (SparseAutoencoder(sparsity=1.0), r"SparseAutoencoder\.sparsity must be below 1\.0"),
        (SparseAutoencoder(code_activation="relu"), r"SparseAutoencoder\.code_activation must be one of 'sigmoid'"),
        (ContractiveAutoencoder(penalty=-1), r"ContractiveAutoencoder\.penalty must be at least 0\.0"),
        (StackedAutoencoder(pretraining=1.0), r"StackedAutoencoder\.pretraining must be below 1\.0"),
        (Autoencoder(code_activation="sine"), r"Autoencoder\.code_activation must be one of 'relu'"),
    ],
)
def test_refuses(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(few_columns())
