"""`anomalib-vae score`: a table and a saved detector in, a score, a verdict and reasons for each row out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anomalib_vae.cli import estimators, options, outputs
from anomalib_vae.cli.errors import one_line_messages

if TYPE_CHECKING:
    import pandas as pd

    from anomalib_vae import AnomalyDetector

SHOWN = 10

Reasons = Annotated[
    int, typer.Option("--reasons", metavar="N", min=0, help="How many columns to name for each row, worst first.")
]


def score(
    table: options.InputTable,
    model: options.SavedModel,
    output: options.OutputTable,
    reasons: Reasons = 3,
    dates: options.Dates = None,
    missing: options.Missing = None,
    force: options.Force = False,
    debug: options.Debug = False,
) -> None:
    """Judge each row of a table: how normal it is, whether it is an anomaly, and why.

    [bold]In[/bold]: a table with the columns that the model was trained on, in any order;
    other columns are left out. The model is a detector saved by fit.

    [bold]Out[/bold]: a table with a row for each row of the input. It has the row's index,
    score (in nats, higher = more normal), verdict (+1 normal, -1 anomaly), and
    reason_1, reason_2, ... such as "amount = 2125.9, expected 84.3 (-31 nats)".
    The ten most suspicious rows are shown.

    [bold]Example[/bold]
      anomalib-vae score transactions.parquet -m model/ -o scores.parquet
      anomalib-vae score monday.csv -m model/ -o scores.csv --reasons 0
    """
    with one_line_messages(debug):
        outputs.check_table(output, force=force, source=table)
        from anomalib_vae.cli import tables

        source = tables.read(table, dates=options.split(dates), missing=options.split(missing))
        detector = estimators.load_detector(model)
        judged = _judge(detector, estimators.pick(source, detector.model_, table), reasons)
        tables.write_frame(judged, output)
        _show(judged, detector)
        typer.echo(f"{len(judged):,} rows scored, written to {output}")


def _judge(detector: AnomalyDetector, frame: pd.DataFrame, n_reasons: int) -> pd.DataFrame:
    """Index, score, verdict and reasons, a row for each row of the frame."""
    import numpy as np
    import pandas as pd

    from anomalib_vae.cli.console import in_parts

    parts = []
    for rows in in_parts(frame, "score"):
        scores = detector.score_samples(rows)
        verdicts = np.where(scores < detector.offset_, -1, 1)  # predict would score the rows again
        judged = pd.DataFrame({"score": scores, "verdict": verdicts}, index=rows.index)
        parts.append(pd.concat([judged, detector.reasons(rows, n_reasons)], axis=1) if n_reasons else judged)
    table = pd.concat(parts)
    return table.rename_axis("row").reset_index() if table.index.name is None else table.reset_index()


def _show(judged: pd.DataFrame, detector: AnomalyDetector) -> None:
    from anomalib_vae.cli.console import show_table

    index = judged.columns[0]
    reasons = [name for name in judged.columns if str(name).startswith("reason_")]
    worst = judged.nsmallest(SHOWN, "score")
    rows = [
        [str(row[index]), f"{row['score']:.1f}", f"{row['verdict']:+d}", "\n".join(row[name] for name in reasons)]
        for row in worst.to_dict("records")
    ]
    anomalies, total = int((judged["verdict"] < 0).sum()), len(judged)
    title = (
        f"{total:,} rows, {anomalies:,} of them anomalies (score below {detector.offset_:.1f}); the most suspicious:"
    )
    show_table(title, [str(index), "score", "verdict", "reasons"], rows, numeric=("score", "verdict"))
