"""What monitors record, in TensorBoard."""
import numpy as np
import pytest

from nnabla_compat.monitor import Monitor, MonitorImage, MonitorImageTile, MonitorSeries, observers

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def test_monitors(tmp_path):
    pytest.importorskip("PIL")
    from nnabla_compat.experimental.tb_graph_writer import TBGraphWriter
    monitor = Monitor(str(tmp_path / "monitor"))
    series = MonitorSeries("loss", monitor, interval=2, verbose=False)
    pictures = MonitorImage("pictures", monitor, interval=1, verbose=False, num_images=2)
    tile = MonitorImageTile("tile", monitor, interval=1, verbose=False)
    with TBGraphWriter(log_dir=str(tmp_path / "logs")) as writer:
        writer.add_monitors()
        writer.add_monitors()  # once is enough
        for i in range(4):
            series.add(i, i)
        pictures.add(0, np.random.RandomState(0).rand(3, 3, 5, 4))
        tile.add(0, np.random.RandomState(0).rand(4, 1, 5, 4))
        writer.add_scalar("other", 1.5, 3)
    assert not observers
    series.add(5, 1)
    seen = accumulator.EventAccumulator(str(tmp_path / "logs"))
    seen.Reload()
    assert [(e.step, e.value) for e in seen.Scalars("loss")] == [(1, .5), (3, 2.5)]
    assert [(e.step, e.value) for e in seen.Scalars("other")] == [(3, 1.5)]
    assert {tag: (seen.Images(tag)[0].width, seen.Images(tag)[0].height) for tag in seen.Tags()["images"]} == {
        "pictures/0": (4, 5), "pictures/1": (4, 5), "tile": (10, 12)}
