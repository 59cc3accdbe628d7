"""Find fraudulent card transactions with a detector that has seen genuine ones only, all from earlier in time."""

from __future__ import annotations

import mlflow
import pandas as pd
import tracking
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomalib_vae import VAE, AnomalyDetector
from anomalib_vae.datasets import load_card_transactions
from anomalib_vae.integrations.mlflow import MLflowCallback, log_model
from anomalib_vae.report import score_histogram

TRAIN_SHARE = 0.6  # of the genuine transactions, the earliest ones
CONTAMINATION = 0.01  # of the genuine transactions may be flagged


def split(transactions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Genuine transactions of the first hours to fit on; all later ones, and which of them are frauds, to score."""
    genuine = transactions[transactions["label"] == 0]
    until = genuine["Time"].iloc[int(TRAIN_SHARE * len(genuine))]
    train, later = genuine[genuine["Time"] < until], transactions[transactions["Time"] >= until]
    return train.drop(columns=["label", "Time"]), later.drop(columns=["label", "Time"]), later["label"]


def figures(is_fraud: pd.Series, scores) -> dict[str, float]:
    return {"AUROC": roc_auc_score(is_fraud, -scores), "average precision": average_precision_score(is_fraud, -scores)}


def main() -> None:
    chosen = tracking.parser(__doc__).parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    train, later, is_fraud = split(load_card_transactions())
    peers = {
        "IsolationForest": IsolationForest(random_state=chosen.seed),
        "PCA (90 % of the variance)": make_pipeline(StandardScaler(), PCA(0.9)),
    }
    with tracking.start_run(chosen.mlruns, "fraud"):
        tracking.say(f"Fitting to {len(train):,} genuine transactions, the earliest ones")
        model = VAE(max_epochs=chosen.max_epochs, callbacks=(MLflowCallback(),))
        detector = AnomalyDetector(model, contamination=CONTAMINATION, random_state=chosen.seed).fit(train)
        scores = pd.Series(detector.score_samples(later), later.index)
        table = {"anomalib_vae": figures(is_fraud, scores)}
        for name, peer in peers.items():
            table[name] = figures(is_fraud, peer.fit(train).score_samples(later))
        comparison = pd.DataFrame(table).T.rename_axis("detector")

        verdicts = pd.DataFrame({"score": scores, "verdict": detector.predict(later), "label": is_fraud})
        file = chosen.output / "scores.parquet"
        verdicts.join(detector.reasons(later)).to_parquet(file)
        worst = scores.nsmallest(10).index
        reasons = detector.reasons(later.loc[worst]).agg("\n".join, axis=1)
        truth = is_fraud[worst].map({1: "fraud", 0: "genuine"})
        suspicious = pd.DataFrame({"score": scores[worst], "truth": truth, "reasons": reasons})

        picture = score_histogram(scores, detector.offset_, is_fraud == 1)
        mlflow.log_metrics({name.replace(" ", "_"): value for name, value in table["anomalib_vae"].items()})
        mlflow.log_table(comparison.reset_index(), "comparison.json")
        mlflow.log_figure(picture, "score_histogram.png")
        mlflow.log_artifact(str(file))
        log_model(detector, name="detector", input_example=train.head(5))

    tracking.show(f"Scored {len(later):,} transactions, {int(is_fraud.sum())} of them frauds", comparison)
    tracking.show("The ten most suspicious transactions, and why", suspicious.rename_axis("row"), digits=0)
    flagged = is_fraud[verdicts["verdict"] == -1]
    tracking.say(
        f"{len(flagged)} flagged at contamination {CONTAMINATION}: {(flagged == 1).sum()} frauds and "
        f"{(flagged == 0).sum()} genuine ones"
    )
    tracking.say_where(chosen.mlruns, file)


if __name__ == "__main__":
    main()
