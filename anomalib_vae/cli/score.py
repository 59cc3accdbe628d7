"""`anomalib-vae score`: a table and a saved detector in, a score, a verdict and reasons for each row out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anomalib_vae.cli import estimators, options, outputs
from anomalib_vae.cli.errors import UsageError, one_line_messages

if TYPE_CHECKING:
    import pandas as pd

    from anomalib_vae import AnomalyDetector

SHOWN = 10

Reasons = Annotated[
    int, typer.Option("--reasons", metavar="N", min=0, help="How many columns to name for each row, worst first.")
]

FalseDiscoveryRate = Annotated[
    float | None,
    typer.Option(
        "--fdr",
        metavar="SHARE",
        help="At most this share of the anomalies are false alarms, such as 0.1; needs fit --calibration-fraction.",
    ),
]
Budget = Annotated[
    int | None,
    typer.Option("--budget", metavar="N", min=1, help="Call the N most suspicious rows anomalies, and no others."),
]


def score(
    table: options.InputTable,
    model: options.SavedModel,
    output: options.OutputTable,
    reasons: Reasons = 3,
    fdr: FalseDiscoveryRate = None,
    budget: Budget = None,
    dates: options.Dates = None,
    missing: options.Missing = None,
    force: options.Force = False,
    debug: options.Debug = False,
) -> None:
    """Judge each row of a table: how normal it is, whether it is an anomaly, and why.

    [bold]In[/bold]: a table with the columns that the model was trained on, in any order;
    other columns are left out. The model is a detector saved by fit.

    [bold]Out[/bold]: a table with a row for each row of the input. It has the row's index,
    score (in nats, higher = more normal), p_value (small = surprising; where fit had
    --calibration-fraction), verdict (+1 normal, -1 anomaly), and reason_1,
    reason_2, ... such as "amount = 2125.9, expected 84.3 (-31 nats)".
    The ten most suspicious rows are shown.

    [bold]Example[/bold]
      anomalib-vae score transactions.parquet -m model/ -o scores.parquet
      anomalib-vae score monday.csv -m model/ -o scores.csv --reasons 0
      anomalib-vae score monday.csv -m model/ -o scores.csv --budget 50
    """
    with one_line_messages(debug):
        outputs.check_table(output, force=force, source=table)
        _check_rule(fdr, budget)
        from anomalib_vae.cli import tables

        source = tables.read(table, dates=options.split(dates), missing=options.split(missing))
        detector = estimators.load_detector(model)
        if fdr is not None and not len(detector.calibration_scores_):
            raise UsageError(f"--fdr: {model} has no calibration rows: fit it with --calibration-fraction 0.2")
        judged = _scored(detector, estimators.pick(source, detector.model_, table), reasons)
        judged = _judged(detector, judged, fdr, budget)
        tables.write_frame(judged, output)
        _show(judged, _rule(detector, fdr, budget))
        typer.echo(f"{len(judged):,} rows scored, written to {output}")


def _scored(detector: AnomalyDetector, frame: pd.DataFrame, n_reasons: int) -> pd.DataFrame:
    """Score and reasons, with the index of the frame."""
    import pandas as pd

    from anomalib_vae.cli.console import in_parts

    parts = []
    for rows in in_parts(frame, "score"):
        scores = pd.DataFrame({"score": detector.score_samples(rows)}, index=rows.index)
        parts.append(pd.concat([scores, detector.reasons(rows, n_reasons)], axis=1) if n_reasons else scores)
    return pd.concat(parts)


def _judged(detector: AnomalyDetector, table: pd.DataFrame, fdr: float | None, budget: int | None) -> pd.DataFrame:
    """Index, score, p-value of a calibrated detector, verdict and reasons, a row for each row of the scored table."""
    from anomalib_vae.scoring import conformal

    scores = table["score"].to_numpy()
    table.insert(1, "verdict", detector.verdicts(scores, fdr=fdr, budget=budget))
    if len(detector.calibration_scores_):
        table.insert(1, "p_value", conformal.pvalues(scores, detector.calibration_scores_))
    return table.rename_axis("row").reset_index() if table.index.name is None else table.reset_index()


def _check_rule(fdr: float | None, budget: int | None) -> None:
    if fdr is not None and not 0 < fdr < 1:
        raise UsageError(f"--fdr must be above 0 and below 1, got {fdr}")
    if fdr is not None and budget is not None:
        raise UsageError("give --fdr or --budget, not both")


def _rule(detector: AnomalyDetector, fdr: float | None, budget: int | None) -> str:
    if fdr is not None:
        return f"false discovery rate at most {fdr:g}"
    return f"score below {detector.offset_:.1f}" if budget is None else f"a budget of {budget:,}"


def _show(judged: pd.DataFrame, rule: str) -> None:
    from anomalib_vae.cli.console import show_table

    index = judged.columns[0]
    reasons = [name for name in judged.columns if str(name).startswith("reason_")]
    worst = judged.nsmallest(SHOWN, "score")
    rows = [
        [str(row[index]), f"{row['score']:.1f}", f"{row['verdict']:+d}", "\n".join(row[name] for name in reasons)]
        for row in worst.to_dict("records")
    ]
    anomalies, total = int((judged["verdict"] < 0).sum()), len(judged)
    title = f"{total:,} rows, {anomalies:,} of them anomalies ({rule}); the most suspicious:"
    show_table(title, [str(index), "score", "verdict", "reasons"], rows, numeric=("score", "verdict"))
