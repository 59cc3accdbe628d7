"""The picture of sensors shows what it says it shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomalib_vae.report import sensors_over_time

STEPS = pd.date_range("2024-01-01", periods=50, freq="h")


def sensors(count: int = 3) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(50, count))
    return pd.DataFrame(values, STEPS, [f"s{i}" for i in range(count)])


def alarms(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"start": [STEPS[10]], "end": [STEPS[14]], "sensors": [names]})


def labels(figure) -> list[str]:
    return [axis.get_ylabel() for axis in figure.axes]


def test_a_panel_for_each_sensor_and_the_score():
    figure = sensors_over_time(sensors(), alarms("s2"), pd.Series(np.zeros(50), STEPS), -3.0)
    assert labels(figure) == ["s2", "s0", "s1", "score [nats]"]
    assert list(figure.axes[-1].lines[1].get_ydata()) == [-3.0, -3.0]
    assert "1 alarm (band)" in figure.axes[0].get_title(loc="left")


def test_sensors_that_alarms_name_come_first_and_no_more_than_can_be_read():
    figure = sensors_over_time(sensors(20), alarms("s13", "s4"))
    assert labels(figure) == ["s13", "s4", "s0", "s1", "s2", "s3"]


def test_bands_lie_where_the_alarms_do():
    from matplotlib.dates import date2num

    figure = sensors_over_time(sensors(), alarms())
    for axis in figure.axes:
        (band,) = axis.patches
        assert band.get_x() == pytest.approx(date2num(STEPS[10]))
        assert band.get_width() == pytest.approx(4 / 24)


def test_filled_cells_are_dots_and_known_anomalies_marks():
    given = sensors()
    given.iloc[5:8, 0] = np.nan
    known = pd.Series(np.arange(50) == 20, STEPS)
    figure = sensors_over_time(given, alarms(), filled=sensors(), anomalous=known)
    dots = figure.axes[0].lines[1]
    np.testing.assert_array_equal(dots.get_ydata(), sensors().iloc[5:8, 0])
    assert len(figure.axes[0].lines[2].get_xdata()) == 1
    assert "2 alarms" not in figure.axes[0].get_title(loc="left")


def test_no_alarm_is_fine():
    none = alarms().iloc[:0]
    assert "0 alarms (bands)" in sensors_over_time(sensors(), none).axes[0].get_title(loc="left")


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="must have steps and columns"):
        sensors_over_time(sensors().iloc[:0], alarms())
    with pytest.raises(ValueError, match="must have the index of sensors"):
        sensors_over_time(sensors(), alarms(), pd.Series(np.zeros(50)))
