"""Records of a training run: series of numbers, times and images, in nnabla's file formats.

================== ================================================== ==============================
class              file, spaces of the name replaced by ``-``         a line
================== ================================================== ==============================
MonitorSeries      ``<name>.series.txt``                              ``index mean``
MonitorTimeElapsed ``<name>.timer.txt``                               ``index lap iterations total``
MonitorImage       ``<name>/<index>-<number>.png``
MonitorImageTile   ``<name>/<index>.png``
================== ================================================== ==============================
"""
import os
import time

import numpy as np

from .logger import logger
from .optional import require

# Called as observer(monitor, index, value) for what monitors write: a number, or a list of picture files.
observers = []

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Monitor:
    """A folder for the records of one run, created with its parents when missing.

    Args:
        save_path (str): The folder.
    """

    def __init__(self, save_path):
        self._save_path = save_path
        os.makedirs(save_path, exist_ok=True)

    @property
    def save_path(self):
        """The folder, as given."""
        return self._save_path


def _path(monitor, name):
    return os.path.join(monitor.save_path, name.replace(" ", "-"))


def _announce(monitor, index, value):
    for observer in observers:
        observer(monitor, index, value)


class _TextRecord:
    """Lines appended to a text file, at most one per ``interval`` indices."""

    suffix = None

    def __init__(self, name, monitor, interval, verbose):
        self.name, self.interval, self.verbose = name, interval, verbose
        self.flush_at = -1
        self.sp = None
        if monitor is not None:
            self.sp = _path(monitor, name) + self.suffix
            open(self.sp, "w").close()  # a run starts with an empty record

    def _due(self, index):
        return index - self.flush_at >= self.interval

    def _write(self, index, line, value):
        if self.sp is not None:
            with open(self.sp, "a") as record:
                record.write(line + "\n")
        self.flush_at = index
        _announce(self, index, float(value))


class MonitorSeries(_TextRecord):
    """A series of numbers; each line is the mean over the values added since the line before.

    Args:
        name (str): Name of the series, also its file's.
        monitor (Monitor): Where to write; nothing is written without one.
        interval (int): Indices between two lines: with 3, lines come at 2, 5, 8, ...
        verbose (bool): Log each line too.
    """

    suffix = ".series.txt"

    def __init__(self, name, monitor=None, interval=1, verbose=True):
        super().__init__(name, monitor, interval, verbose)
        self.buf = []

    def add(self, index, value):
        """Add ``value``, a number or an array (of which the mean counts), at iteration ``index``."""
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        # `loss.d` is a view that the next forward rewrites: keep what it holds now.
        self.buf.append(value.copy() if isinstance(value, np.ndarray) else value)
        if not self._due(index):
            return
        mean = np.mean(self.buf)
        if self.verbose:
            logger.info("iter={} {{{}}}={}".format(index, self.name, mean))
        self._write(index, "{} {:g}".format(index, mean), mean)
        self.buf = []


class MonitorTimeElapsed(_TextRecord):
    """Wall-clock time of every ``interval`` iterations.

    Args:
        name (str): Name of the record, also its file's.
        monitor (Monitor): Where to write; nothing is written without one.
        interval (int): Indices between two lines.
        verbose (bool): Log each line too.
    """

    suffix = ".timer.txt"

    def __init__(self, name, monitor=None, interval=100, verbose=True):
        super().__init__(name, monitor, interval, verbose)
        self.start = self.lap = time.time()

    def add(self, index):
        """Note that iteration ``index`` is done."""
        if not self._due(index):
            return
        now = time.time()
        lap, total, iterations = now - self.lap, now - self.start, index - self.flush_at
        self.lap = now
        if self.verbose:
            logger.info("iter={} {{{}}}={}[sec/{}iter] {}[sec]".format(
                index, self.name, lap, iterations, total))
        self._write(index, "{} {} {} {}".format(index, lap, iterations, total), lap)


class MonitorImage:
    """PNG files of the first images of a batch, at index 0 and then once per interval.

    Args:
        name (str): Name of the folder the files go to.
        monitor (Monitor): Where that folder is made.
        interval (int): Indices between two writings; with 10: 0, 9, 19, ...
        verbose (bool): Log each writing.
        num_images (int): Images kept of a batch.
        normalize_method (callable): Takes the kept images ``(N, C, H, W)`` to values in [0, 1]. By default
            their common minimum becomes 0 and their maximum 1.
    """

    def __init__(self, name, monitor, interval=1000, verbose=True, num_images=16, normalize_method=None):
        self.name, self.interval, self.verbose = name, interval, verbose
        self.num_images = num_images
        self.normalize_method = normalize_method or self.default_normalize_method
        self.save_dir = _path(monitor, name)
        os.makedirs(self.save_dir, exist_ok=True)

    def default_normalize_method(self, x):
        """Scale ``x`` to [0, 1] by its smallest and largest value; a constant ``x`` becomes 0."""
        low, high = x.min(), x.max()
        return (x - low) / (high - low) if high != low else np.zeros(x.shape)

    def add(self, index, var):
        """Write the images of ``var`` when ``index`` is due.

        Args:
            index (int): Iteration.
            var (Variable, NdArray or numpy.ndarray): Batch ``(N, ..., C, H, W)``, leading axes flattened. One
                channel is written gray, a second gets a third of ones, beyond three only three are kept.
        """
        if index != 0 and (index + 1) % self.interval != 0:
            return
        _announce(self, index, self._save(index, self._images(var)))

    def _images(self, var):
        data = _values(var)
        assert data.ndim > 2, (
            f"{type(self).__name__} {self.name!r}: expected images (N, ..., C, H, W) with at least 3 axes, "
            f"received shape {data.shape}.")
        data = self.normalize_method(data.reshape((-1,) + data.shape[-3:])[:self.num_images])
        if data.shape[1] == 2:
            data = np.concatenate([data, np.ones_like(data[:, :1])], axis=1)
        return data[:, :3]

    def _save(self, index, images):
        from .utils.image_utils import imsave
        template = os.path.join(self.save_dir, "{:06d}".format(index) + "-{}.png")
        paths = [template.format("{:03d}".format(number)) for number in range(len(images))]
        for path, image in zip(paths, images):
            imsave(path, image, channel_first=True)
        if self.verbose:
            logger.info("iter={} {{{}}} are written to {}.".format(index, self.name, template.format("*")))
        return paths


class MonitorImageTile(MonitorImage):
    """As :class:`MonitorImage`, with the kept images tiled in one PNG file.

    Args:
        name (str): Name of the folder the files go to.
        monitor (Monitor): Where that folder is made.
        interval (int): Indices between two writings.
        verbose (bool): Log each writing.
        num_images (int): Images kept of a batch.
        normalize_method (callable): Takes the kept images ``(N, C, H, W)`` to values in [0, 1].
    """

    def _save(self, index, images):
        from .utils.image_utils import imsave
        path = os.path.join(self.save_dir, "{:06d}.png".format(index))
        imsave(path, tile_images(images))
        if self.verbose:
            logger.info("iter={} {{{}}} is written to {}.".format(index, self.name, path))
        return [path]


def _values(var):
    """The numbers of a Variable, an NdArray or an array, as an array nobody else writes to."""
    if isinstance(var, np.ndarray):
        return var.copy()
    from .engine import NdArray, Variable
    if isinstance(var, Variable):
        return var.d.copy()
    assert isinstance(var, NdArray), (
        f"expected a Variable, an NdArray or a numpy array, received {type(var).__name__}.")
    return var.data.copy()


def tile_images(data, padsize=1, padval=0):
    """Lay images out on a square grid, row by row.

    Args:
        data (numpy.ndarray): Images ``(B, C, H, W)``.
        padsize (int): Pixels added below and to the right of each image.
        padval (float): Value of those pixels, and of the cells left over.

    Returns:
        numpy.ndarray: ``(n (H + padsize), n (W + padsize), C)`` with n = ceil(sqrt(B)); no last axis when C is 1.
    """
    assert data.ndim == 4, f"expected images (B, C, H, W), received shape {data.shape}."
    count, channels, height, width = data.shape
    side = int(np.ceil(np.sqrt(count)))
    height, width = height + padsize, width + padsize
    grid = np.full((side * side, height, width, channels), padval, dtype=data.dtype)
    grid[:count, :height - padsize, :width - padsize] = data.transpose(0, 2, 3, 1)
    grid = grid.reshape(side, side, height, width, channels).swapaxes(1, 2)
    tile = grid.reshape(side * height, side * width, channels)
    return tile[..., 0] if channels == 1 else tile


def _read_columns(filename, column):
    index, values = np.loadtxt(filename, usecols=(0, column), ndmin=2).T
    return index.astype(np.int64), values.astype(np.float32)


def plot_series(filename, plot_kwargs=None):
    """Draw a :class:`MonitorSeries` file with matplotlib's current axes.

    Args:
        filename (str): A ``.series.txt`` file.
        plot_kwargs (dict): Passed to ``matplotlib.pyplot.plot``.
    """
    plt = require("matplotlib.pyplot", extra="demo", purpose="plotting a series")
    plt.plot(*_read_columns(filename, 1), **(plot_kwargs or {}))


def plot_time_elapsed(filename, elapsed=False, unit="s", plot_kwargs=None):
    """Draw a :class:`MonitorTimeElapsed` file with matplotlib's current axes.

    Args:
        filename (str): A ``.timer.txt`` file.
        elapsed (bool): Draw the time since the start instead of the time of each lap.
        unit (str): ``"s"``, ``"m"``, ``"h"`` or ``"d"``.
        plot_kwargs (dict): Passed to ``matplotlib.pyplot.plot``.

    Raises:
        ValueError: Another ``unit``.
    """
    plt = require("matplotlib.pyplot", extra="demo", purpose="plotting elapsed time")
    if unit not in _SECONDS:
        raise ValueError(f"plot_time_elapsed: expected unit 's', 'm', 'h' or 'd', received {unit!r}.")
    index, values = _read_columns(filename, 3 if elapsed else 1)
    plt.plot(index, values / _SECONDS[unit], **(plot_kwargs or {}))
