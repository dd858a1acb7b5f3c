"""Monitors: what they log, take and plot. Their files are compared with nnabla's in tests/data."""
import logging
import re

import numpy as np
import pytest

from nnabla_compat.monitor import (Monitor, MonitorImage, MonitorImageTile, MonitorSeries, MonitorTimeElapsed,
                                   plot_series, plot_time_elapsed, tile_images)


@pytest.fixture
def monitor(tmp_path):
    return Monitor(str(tmp_path / "run"))


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO, logger="nnabla")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "nnabla"]


def test_verbose_monitors_log_their_lines(monitor, messages):
    series = MonitorSeries("loss", monitor, interval=2)
    for i in range(4):
        series.add(i, float(i))
    MonitorTimeElapsed("time", monitor, interval=1).add(0)
    assert messages()[:2] == ["iter=1 {loss}=0.5", "iter=3 {loss}=2.5"]
    assert re.fullmatch(r"iter=0 \{time\}=\S+\[sec/1iter\] \S+\[sec\]", messages()[2])


def test_image_monitors_log_where_the_files_are(monitor, messages):
    pytest.importorskip("PIL")
    images = np.random.RandomState(0).rand(2, 3, 4, 4)
    MonitorImage("a b", monitor, interval=1).add(0, images)
    MonitorImageTile("tile", monitor, interval=1).add(0, images)
    assert messages() == [f"iter=0 {{a b}} are written to {monitor.save_path}/a-b/000000-*.png.",
                          f"iter=0 {{tile}} is written to {monitor.save_path}/tile/000000.png."]


def test_a_new_run_starts_with_empty_files(monitor):
    for value in (1.0, 2.0):
        MonitorSeries("loss", monitor, verbose=False).add(0, value)
    with open(monitor.save_path + "/loss.series.txt") as file:
        assert file.read() == "0 2\n"


def test_series_keeps_what_a_view_held(monitor):
    series = MonitorSeries("loss", monitor, interval=2, verbose=False)
    view = np.array(1.0, np.float32)
    series.add(0, view)
    view[...] = 3.0  # as the next forward does with loss.d
    series.add(1, view)
    with open(series.sp) as file:
        assert file.read() == "1 2\n"


def test_constant_images_are_black(monitor):
    Image = pytest.importorskip("PIL.Image")
    MonitorImage("flat", monitor, interval=1, verbose=False).add(0, np.full((1, 1, 2, 2), 7.0))
    with Image.open(monitor.save_path + "/flat/000000-000.png") as image:
        assert not np.array(image).any()


def test_variables_and_ndarrays_are_images_too(monitor):
    Image = pytest.importorskip("PIL.Image")
    from nnabla_compat.variable import Variable
    values = np.random.RandomState(0).rand(2, 3, 4, 4).astype(np.float32)
    x = Variable(values.shape)
    x.d = values
    for name, var in (("array", values), ("variable", x), ("ndarray", x.data)):
        MonitorImageTile(name, monitor, interval=1, verbose=False).add(0, var)

    def pixels(name):
        with Image.open(f"{monitor.save_path}/{name}/000000.png") as image:
            return np.array(image)
    assert np.array_equal(pixels("variable"), pixels("array"))
    assert np.array_equal(pixels("ndarray"), pixels("array"))
    assert np.array_equal(x.d, values)


def test_plots_draw_the_files(monitor):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    series, timer = MonitorSeries("loss", monitor, verbose=False), MonitorTimeElapsed("t", monitor, 2, verbose=False)
    for i in range(6):
        series.add(i, i * 0.5)
        timer.add(i)
    figure, axes = plt.subplots()
    plot_series(series.sp, plot_kwargs={"color": "red"})
    plot_time_elapsed(timer.sp)
    plot_time_elapsed(timer.sp, elapsed=True, unit="m")
    lines = [line.get_xydata() for line in axes.lines]
    plt.close(figure)
    assert lines[0].tolist() == [[i, i * 0.5] for i in range(6)]
    assert lines[1][:, 0].tolist() == lines[2][:, 0].tolist() == [1, 3, 5]
    recorded = np.loadtxt(timer.sp)
    assert np.allclose(lines[1][:, 1], recorded[:, 1], atol=1e-6)
    assert np.allclose(lines[2][:, 1], recorded[:, 3] / 60, atol=1e-6)
    with pytest.raises(ValueError, match="unit"):
        plot_time_elapsed(timer.sp, unit="y")


def test_tile_images_wants_batches():
    with pytest.raises(AssertionError, match="received shape"):
        tile_images(np.zeros((3, 4, 4)))
