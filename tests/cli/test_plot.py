"""What plots show. (Pictures of different versions of matplotlib differ, so axes are looked at.)"""
import pytest

from nnabla_compat.utils.cli.cli import run

pytest.importorskip("matplotlib")


@pytest.fixture
def axes(tmp_path, monkeypatch):
    """Runs a command and returns the axes of its picture."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    (tmp_path / "a.series.txt").write_text("0 1.5\n1 1\n2 0.25\n")
    (tmp_path / "b.timer.txt").write_text("9 30 10 60\n19 15 10 90\n")
    monkeypatch.chdir(tmp_path)
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gca()))

    def draw(command):
        assert run(command.split()) == 0
        return shown.pop()

    return draw


def lines(ax):
    return [(line.get_label(), list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]


def test_series(axes):
    ax = axes("plot_series -l first -t Title -x X -y Y -T 2 -B -1 -L 0.5 -R 9 a.series.txt a.series.txt")
    assert lines(ax) == [(label, [0, 1, 2], [1.5, 1, 0.25]) for label in ("first", "a.series.txt")]
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("Title", "X", "Y")
    assert ax.get_ylim() == (-1, 2) and ax.get_xlim() == (0.5, 9)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["first", "a.series.txt"]


def test_timer(axes):
    ax = axes("plot_timer b.timer.txt")
    assert lines(ax) == [("b.timer.txt", [9, 19], [30, 15])] and ax.get_ylabel() == "Elapsed time [seconds/iter]"
    ax = axes("plot_timer -e -u m b.timer.txt")
    assert lines(ax) == [("b.timer.txt", [9, 19], [1, 1.5])] and ax.get_ylabel() == "Total elapsed time [minutes]"


def test_a_picture_replaces_the_old_one_only_when_complete(axes, tmp_path):
    (tmp_path / "out.png").write_bytes(b"old")
    assert run("plot_series -o out.png nowhere.txt".split()) == 255
    assert (tmp_path / "out.png").read_bytes() == b"old"
    assert run("plot_series -o out.png a.series.txt".split()) == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
