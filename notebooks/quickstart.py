# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # anomalib_vae in ten minutes
#
# A **model** learns what normal rows look like. A **role** says what it is used for: `AnomalyDetector` finds the rows
# that do not fit, `VAEImputer` fills in the cells that are missing. Both take your frame as it is.

# %% [markdown]
# ## Find frauds
#
# Card transactions in time order, some of them frauds. The detector sees genuine ones only, the earlier ones, and
# scores all that came later.

# %%
from anomalib_vae import VAE, AnomalyDetector
from anomalib_vae.datasets import load_card_transactions

transactions = load_card_transactions()
is_earlier = transactions["Time"] < transactions["Time"].median()
is_fraud = transactions["label"] == 1
cells = transactions.drop(columns=["Time", "label"])

train, later = cells[is_earlier & ~is_fraud], cells[~is_earlier]
print(f"{len(train)} genuine transactions to fit on, {len(later)} later ones to score")

# %% [markdown]
# `contamination` is the share of the training rows that may be flagged: it sets the threshold.

# %%
detector = AnomalyDetector(contamination=0.01, random_state=0).fit(train)
flagged = detector.predict(later) == -1
print(f"{flagged.sum()} flagged, {is_fraud[later.index][flagged].sum()} of them frauds")
print(f"{is_fraud[later.index][~flagged].sum()} frauds missed")

# %% [markdown]
# `score_samples` gives one number a row, higher = more normal, in nats. The most suspicious transactions, and why:

# %%
import numpy as np
import pandas as pd

scores = pd.Series(detector.score_samples(later), index=later.index, name="score")
worst = scores.nsmallest(5).index
detector.reasons(later.loc[worst], n_reasons=2).join(scores.round())

# %%
from anomalib_vae.report import score_histogram

score_histogram(scores, detector.offset_, anomalous=is_fraud[later.index])

# %% [markdown]
# How many false alarms will there be? Genuine rows that the model has not seen calibrate its p-values: here the first
# later ones, after they have been cleared. Customers change with time, so recent rows are the ones to take. Then `fdr`
# bounds the share of false alarms among all alarms, on average; `budget` asks for so many alarms instead.

# %%
cleared = later.iloc[:400][~is_fraud[later.index].iloc[:400]]
today = later.iloc[400:]
detector.calibrate(cleared)
for wish in ({"fdr": 0.2}, {"budget": 50}):
    alarms = detector.predict(today, **wish) == -1
    print(f"{wish}: {alarms.sum()} alarms, {is_fraud[today.index][alarms].sum()} of them frauds")

# %% [markdown]
# ## Fill in missing cells
#
# Sessions of an online shop: integers, floats, categories and booleans. We hide a fifth of the cells and let the
# imputer fill them in. Integers and booleans with gaps need pandas' nullable dtypes.

# %%
from anomalib_vae import DenoisingVAE, VAEImputer
from anomalib_vae.datasets import load_online_shoppers

shoppers = load_online_shoppers().sample(1500, random_state=0)
shoppers = shoppers.astype(dict.fromkeys(shoppers.select_dtypes("int64"), "Int64"))
shoppers = shoppers.astype(dict.fromkeys(shoppers.select_dtypes("bool"), "boolean"))
holes = np.random.default_rng(0).random(shoppers.shape) < 0.2
holed = shoppers.mask(holes)

imputer = VAEImputer(DenoisingVAE(max_epochs=100), random_state=0)
filled = imputer.fit_transform(holed)

print("cells missing before and after:", holed.isna().sum().sum(), filled.isna().sum().sum())
print("dtypes unchanged:", (filled.dtypes == holed.dtypes).all())

# %% [markdown]
# How far is it from the truth, beside the usual way out, the mean of a number and the most frequent label?


# %%
def errors(guess: pd.DataFrame) -> pd.Series:
    """Error of hidden numbers in standard deviations, and share of hidden labels that are wrong."""
    numbers = shoppers.select_dtypes("number").columns
    hidden = pd.DataFrame(holes, shoppers.index, shoppers.columns)
    truth, sd = shoppers[numbers].astype(float), shoppers[numbers].astype(float).std()
    squares = (((guess[numbers].astype(float) - truth) / sd) ** 2).where(hidden[numbers])
    wrong = (guess.astype(str) != shoppers.astype(str)).where(hidden).drop(columns=numbers)
    rmse, share = np.sqrt(np.nanmean(squares.to_numpy(float))), np.nanmean(wrong.to_numpy(float))
    return pd.Series({"numbers, RMSE [sd]": rmse, "labels wrong": share})


usual = holed.copy()
for column in holed:
    if column in holed.select_dtypes("number"):
        usual[column] = holed[column].astype(float).fillna(holed[column].mean())
    else:
        usual[column] = holed[column].fillna(holed[column].mode()[0])

pd.DataFrame({"VAEImputer": errors(filled), "mean / mode": errors(usual)}).T.round(3)

# %% [markdown]
# How sure is it? Intervals of the missing numbers hold the truth in about 90 % of them; `sample_imputations` draws
# whole frames for an analysis whose results `anomalib_vae.pool` puts together.

# %%
intervals = imputer.intervals(holed)
truth, low, high = shoppers["exit_rates"], intervals["low"]["exit_rates"], intervals["high"]["exit_rates"]
inside = truth.between(low, high)[low.notna()]
print(f"{inside.mean():.0%} of {len(inside)} missing exit rates lie inside their interval")

# %% [markdown]
# ## One model, both roles
#
# A fitted model inside scikit-learn's `FrozenEstimator` is used as it is: here the `DenoisingVAE` that the imputer has
# just fitted becomes the model of a detector too. Gaps do not disturb it: a missing cell is left out of the score.

# %%
from sklearn.frozen import FrozenEstimator

model = FrozenEstimator(imputer.model_)

verdicts = AnomalyDetector(model, contamination=0.02).fit(holed).predict(holed)
filled_again = VAEImputer(model).fit(holed).transform(holed)
print((verdicts == -1).sum(), "unusual sessions; the same cells filled in:", filled_again.equals(filled))

# %% [markdown]
# ## Inside scikit-learn
#
# The imputer is a step of a pipeline; `set_output` keeps frames. Here: will a session end with a purchase?

# %%
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

small = DenoisingVAE(hidden_dims=(32,), n_members=1, max_epochs=20)
pipeline = make_pipeline(
    VAEImputer(small, random_state=0),
    make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_include="category")),
    ),
    HistGradientBoostingClassifier(max_iter=30, random_state=0),
).set_output(transform="pandas")

X, purchase = holed.drop(columns=["revenue", "traffic_type"]), shoppers["revenue"].astype(bool)
areas = cross_val_score(pipeline, X, purchase, cv=3, scoring="roc_auc")
print(f"area under the ROC curve, three folds: {areas.round(3)}")

# %% [markdown]
# A model's `score` is the mean score of rows that it has not seen, so `GridSearchCV` can choose its parameters without
# any label.

# %%
from sklearn.model_selection import GridSearchCV

search = GridSearchCV(
    VAE(n_members=1, max_epochs=40, random_state=0), {"hidden_dims": [(16,), (128,)], "latent_dim": [2, 8]}, cv=3
).fit(train)
pd.DataFrame(search.cv_results_)[["param_hidden_dims", "param_latent_dim", "mean_test_score"]].round(1)

# %% [markdown]
# A model's `transform` gives the latent code.

# %%
search.best_estimator_.set_output(transform="pandas").transform(later).iloc[:3, :2].round(2)

# %% [markdown]
# ## Save and load
#
# JSON and safetensors in a folder; no pickle.

# %%
import tempfile
from pathlib import Path

from anomalib_vae import load

folder = tempfile.TemporaryDirectory()
saved = Path(folder.name) / "detector"
detector.save(saved)
print(sorted(file.name for file in saved.rglob("*") if file.is_file()))
print("same scores:", np.array_equal(load(saved).score_samples(later), scores))

# %% [markdown]
# ## MLflow
#
# First a store for this notebook, in the temporary folder. Yours is a server, or a file that stays.

# %%
import mlflow

from anomalib_vae.integrations import mlflow as vae_mlflow

mlflow.set_tracking_uri(f"sqlite:///{folder.name}/mlflow.db")
mlflow.create_experiment("quickstart", artifact_location=(Path(folder.name) / "artifacts").as_uri())
experiment = mlflow.set_experiment("quickstart")

# %% [markdown]
# Then `autolog` logs every fit from here on, and `log_model` keeps the fitted estimator.

# %%
vae_mlflow.autolog()
with mlflow.start_run():
    logged = AnomalyDetector(VAE(n_members=1, max_epochs=20), random_state=0).fit(train)
    info = vae_mlflow.log_model(logged, name="detector", input_example=train.head(3))

# %%
run = mlflow.last_active_run()
print(len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "model_loss")), "epochs logged")
mlflow.pyfunc.load_model(info.model_uri).predict(later.head(3))

# %%
vae_mlflow.autolog(disable=True)
folder.cleanup()

# %% [markdown]
# `mlflow ui --backend-store-uri sqlite:///mlflow.db` opens such a store in a browser. The README lists the models and
# their parameters; `anomalib-vae --help` is the same from the shell.
