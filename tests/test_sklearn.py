"""scikit-learn's contract: its own checks, and the tools that people put around an estimator."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from cases import ESTIMATORS, MODELS, SMALL, name, one_of_each_class, quick
from data import LIBRARIES, as_polars, complete_frame, few_columns, mixed_frame, wine, with_holes
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import estimator_checks

from anomalib_vae import VAE, AnomalyDetector, ConditionalGAN, ConditionalVAE, DenoisingVAE, SequenceVAE, VAEImputer

pytestmark = [
    pytest.mark.filterwarnings("ignore:posterior collapse"),
    pytest.mark.filterwarnings("ignore:column .* levels never seen in training"),
    pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names"),
]

OF_STEPS = [role(SequenceVAE(**SMALL, window=6, latent_dim=4)) for role in (AnomalyDetector, VAEImputer)]
LABELLED = [ConditionalVAE(**SMALL), ConditionalGAN(**SMALL)]  # they need a y, which most tests below have not
CLASSES = [quick(estimator) for estimator in one_of_each_class(ESTIMATORS)]
MODEL_CLASSES = [quick(model) for model in one_of_each_class(MODELS)]
TRANSFORMERS = [estimator for estimator in CLASSES if hasattr(estimator, "transform")]
LEFT_OUT_BY_CHECK_ESTIMATOR = [
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
    estimator_checks.check_get_feature_names_out_error,
    estimator_checks.check_set_output_transform,
]
# They take for granted that a transformer gives an array unless told otherwise; the imputer gives back the kind of
# frame that it got.  `test_set_output` has their cases for all transformers.
OF_ARRAYS_MADE_FRAMES = [
    estimator_checks.check_set_output_transform_pandas,
    estimator_checks.check_set_output_transform_polars,
    estimator_checks.check_global_output_transform_pandas,
    estimator_checks.check_global_set_output_transform_polars,
]


def exceptions(estimator) -> dict[str, str]:
    """The checks that can't hold, and why."""
    if not getattr(getattr(estimator, "model", estimator), "rows_are_steps", False):
        return {}
    reason = "a step is judged by the steps around it, so the order of rows and the rows beside one matter"
    found = dict.fromkeys(("check_methods_sample_order_invariance", "check_methods_subset_invariance"), reason)
    if hasattr(estimator, "contamination"):
        reason = "rows in no order are a series without anomalies: no window of them differs from the others"
        found |= dict.fromkeys(("check_outliers_train", "check_outliers_fit_predict"), reason)
    return found


@estimator_checks.parametrize_with_checks(
    [*CLASSES, *map(quick, [*OF_STEPS, *LABELLED])], expected_failed_checks=exceptions
)
def test_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CLASSES, ids=name)
def test_checks_column_names_as_scikit_learn_does(estimator):
    estimator_checks.check_dataframe_column_names_consistency(type(estimator).__name__, clone(estimator))


@pytest.mark.parametrize("check", LEFT_OUT_BY_CHECK_ESTIMATOR, ids=lambda check: check.__name__)
@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=name)
def test_transformers_pass_the_checks_that_check_estimator_leaves_out(transformer, check):
    check(type(transformer).__name__, clone(transformer))


@pytest.mark.parametrize("check", OF_ARRAYS_MADE_FRAMES, ids=lambda check: check.__name__)
@pytest.mark.parametrize("transformer", MODEL_CLASSES, ids=name)
def test_models_pass_the_checks_of_set_output(transformer, check):
    check(type(transformer).__name__, clone(transformer))


def test_clone_copies_parameters_and_nothing_learned(fitted):
    copy = clone(fitted)
    assert not copy.__sklearn_is_fitted__()
    assert repr(copy) == repr(fitted)


def test_pickle_keeps_results(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    frame = mixed_frame()
    for method in ("score_samples", "predict", "transform"):
        if hasattr(fitted, method):
            before, after = getattr(fitted, method)(frame), getattr(again, method)(frame)
            if isinstance(before, pd.DataFrame):
                pd.testing.assert_frame_equal(before, after)
            else:
                np.testing.assert_array_equal(before, after)


def test_parameters_can_be_read_and_set(estimator):
    for key, value in estimator.get_params(deep=False).items():
        assert getattr(estimator, key) is value
        estimator.set_params(**{key: value})
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        estimator.set_params(depth=3)


def test_parameters_of_the_model_inside_a_role_can_be_set():
    detector = AnomalyDetector(VAE()).set_params(model__latent_dim=3)
    assert detector.model.latent_dim == 3


def test_repr_shows_only_what_differs_from_the_defaults():
    assert repr(VAE()) == "VAE()"
    assert repr(AnomalyDetector(VAE(beta=2.0))) == "AnomalyDetector(model=VAE(beta=2.0))"


def test_works_at_the_end_of_a_pipeline(estimator):
    pipeline = make_pipeline(StandardScaler(), quick(estimator)).fit(few_columns())
    result = pipeline.transform(few_columns()) if hasattr(estimator, "transform") else pipeline.predict(few_columns())
    assert len(result) == len(few_columns())


@pytest.mark.parametrize("transformer", [quick(m) for m in [*MODELS[:1], ESTIMATORS[-1]]], ids=name)
def test_works_at_the_start_of_a_pipeline(transformer):
    labels = wine()["proline"] > 700
    frame = with_holes(few_columns().drop(columns="proline")) if isinstance(transformer, VAEImputer) else few_columns()
    pipeline = make_pipeline(transformer, LogisticRegression(max_iter=1000)).fit(frame, labels)
    assert pipeline.score(frame, labels) > 0.5


def test_works_in_a_column_transformer():
    frame = mixed_frame()
    transformer = ColumnTransformer(
        [
            ("imputed", VAEImputer(DenoisingVAE(**SMALL)), ["float64", "Int64"]),
            ("code", VAE(**SMALL, latent_dim=2), ["float32", "category"]),
            ("one_hot", OneHotEncoder(sparse_output=False), ["category"]),
        ],
        verbose_feature_names_out=True,
    ).set_output(transform="pandas")
    out = transformer.fit_transform(frame)
    assert list(out.columns[:3]) == ["imputed__float64", "imputed__Int64", "code__vae0"]
    assert not out.filter(like="imputed").isna().any(axis=None)
    assert out.index.equals(frame.index)


def test_grid_search_chooses_by_score():
    search = GridSearchCV(quick(VAE(**SMALL)), {"max_epochs": [1, 60]}, cv=2).fit(few_columns())
    assert search.best_params_ == {"max_epochs": 60}
    assert search.score(few_columns()) == pytest.approx(search.best_estimator_.score_samples(few_columns()).mean())


def test_grid_search_reaches_into_a_role():
    def accuracy(detector, X, y=None):
        return np.mean(detector.predict(X) == 1)

    search = GridSearchCV(
        AnomalyDetector(quick(VAE(**SMALL))), {"contamination": [0.01, 0.4]}, cv=2, scoring=accuracy
    ).fit(few_columns())
    assert search.best_params_ == {"contamination": 0.01}


def test_cross_val_score(model):
    scores = cross_val_score(quick(model), mixed_frame(), cv=2)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize("given", ["array", "pandas", "polars"])
@pytest.mark.parametrize("trained", ["array", "pandas"])
@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=name)
def test_set_output(transformer, trained, given, output):
    kinds = {"array": few_columns().to_numpy(), "pandas": few_columns(), "polars": as_polars(few_columns())}
    plain = clone(transformer).fit(kinds[trained])
    out = clone(transformer).set_output(transform=output).fit(kinds[trained]).transform(kinds[given])
    assert type(out).__module__.startswith(output)
    assert list(out.columns) == list(plain.get_feature_names_out())
    np.testing.assert_array_equal(np.asarray(out), np.asarray(plain.transform(kinds[given])))
    assert list(kinds["pandas"].columns) == list(kinds["polars"].columns) == list(few_columns().columns)


@pytest.mark.parametrize("library", LIBRARIES)
def test_feature_names_in_and_out(fitted_model, library):
    frame = LIBRARIES[library](complete_frame())
    model = quick(fitted_model).fit(frame)
    assert list(model.feature_names_in_) == list(complete_frame().columns)
    assert model.n_features_in_ == 14
    names = model.get_feature_names_out()
    assert len(names) == model.transform(frame).shape[1]
    assert names[0] == type(model).__name__.lower() + "0"


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_imputers_columns_keep_their_names(library):
    frame = LIBRARIES[library](mixed_frame())
    imputer = quick(ESTIMATORS[-1]).fit(frame)
    assert list(imputer.get_feature_names_out()) == list(mixed_frame().columns)


def test_one_fitted_model_serves_both_roles():
    frame = with_holes(few_columns())
    model = DenoisingVAE(**SMALL).fit(frame)
    weights = {key: value.clone() for key, value in model.network_.state_dict().items()}
    detector = AnomalyDetector(FrozenEstimator(model), neighbour_weight=0, random_state=1).fit(frame)
    imputer = VAEImputer(FrozenEstimator(model)).fit(frame)
    np.testing.assert_array_equal(detector.score_samples(frame), model.score_samples(frame))
    assert not imputer.transform(frame).isna().any(axis=None)
    assert all((weights[key] == value).all() for key, value in model.network_.state_dict().items())


def test_a_role_leaves_the_model_it_was_given_unfitted():
    model = VAE(**SMALL)
    detector = AnomalyDetector(model).fit(few_columns())
    assert detector.model is model
    assert not model.__sklearn_is_fitted__()
    assert detector.model_ is not model


def test_metadata_tells_scikit_learn_that_gaps_and_labels_are_welcome(estimator):
    tags = sklearn.utils.get_tags(estimator)
    assert tags.input_tags.allow_nan
    assert tags.input_tags.categorical
    assert not tags.target_tags.required


@pytest.mark.parametrize("estimator", LABELLED, ids=name)
def test_metadata_tells_scikit_learn_which_models_need_labels(estimator):
    assert sklearn.utils.get_tags(estimator).target_tags.required
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        clone(estimator).fit(few_columns())
