"""Where samples come from: the base class for data sources, and the sources that wrap another one.

A source answers ``_get_data(position)`` with one sample, a tuple with one entry per name in
``variables``. Subclasses set ``_size`` and ``_variables`` and, to shuffle, draw a new order in ``reset``::

    class Digits(DataSource):
        def __init__(self, images, labels, shuffle=False, rng=None):
            super().__init__(shuffle=shuffle, rng=rng)
            self.images, self.labels = images, labels
            self._size, self._variables = len(labels), ("x", "y")
            self.reset()

        def reset(self):
            self._indexes = self._rng.permutation(self._size) if self._shuffle else numpy.arange(self._size)
            super().reset()

        def _get_data(self, position):
            i = self._indexes[position]
            return self.images[i], self.labels[i]

The draws from the random generators, and so the order of the samples, are those of nnabla 1.39.
"""
import atexit
import contextlib
import operator
import os
import shutil
import tempfile
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy

from ..config import nnabla_config
from ..logger import logger
from .cache_files import cache_file_name, write_cache_file, write_cache_index
from .communicator_util import single_or_rankzero
from .data_source_loader import FileReader
from .progress import progress

# Sources that are still open when the interpreter ends are closed then. A set of weak references: a
# source that nobody holds any longer is free to go before.
_open_sources = weakref.WeakSet()


@atexit.register
def _close_open_sources():
    with contextlib.ExitStack() as closing:  # one that fails does not keep the others open
        for source in list(_open_sources):
            closing.callback(source.close)


def reading(attribute, doc):
    """A property that reads ``attribute``, dotted names allowed."""
    return property(operator.attrgetter(attribute), doc=doc)


class DataSource:
    """Base class of data sources.

    Args:
        shuffle (bool): Whether the order of the samples is drawn anew each epoch.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
    """

    def __init__(self, shuffle=False, rng=None):
        logger.debug("%s, shuffle=%s", type(self).__name__, shuffle)
        self._rng = numpy.random.RandomState(313) if rng is None else rng
        self._shuffle = shuffle
        self._variables = None
        self._size = 0
        self._position = 0
        self._generation = -1
        self._order = None
        self._original_order = None
        self._original_source_uri = None
        self._closed = False
        _open_sources.add(self)

    def __next__(self):
        return self.next()

    def __len__(self):
        return self._size

    def __getitem__(self, position):
        """The sample at a position, for ``torch.utils.data.DataLoader``, whose data set a source can be."""
        if not 0 <= position < self._size:
            raise IndexError(f"{type(self).__name__}: expected a position from 0 to {self._size - 1}, received "
                             f"{position}.")
        return tuple(self._get_data(position))

    def __bool__(self):
        return True

    def __enter__(self):
        return self

    def __exit__(self, type, value, traceback):
        self.close()

    def close(self):
        """Free what the source holds. Closing twice does nothing."""
        self._closed = True
        _open_sources.discard(self)

    variables = reading("_variables", "Names of the entries of a sample.")
    size = reading("_size", "Samples in one epoch.")
    position = reading("_position", "Position of the next sample in the current epoch.")
    order = reading("_order", "Order of the samples in the current epoch, where the source keeps one.")

    @property
    def shuffle(self):
        """Whether the order is drawn anew each epoch."""
        return self._shuffle

    @shuffle.setter
    def shuffle(self, value):
        self._shuffle = value

    def next(self):
        """The sample at the current position; moves on to the next."""
        data = self._get_data(self._position)
        self._position += 1
        return data

    def reset(self):
        """Go back to the first position. Subclasses that shuffle draw the new order here."""
        self._position = 0

    def apply_order(self):
        """Called by the iterator after a batch that reached the end of an epoch."""

    def _get_data(self, position):
        raise NotImplementedError(f"{type(self).__name__} must define _get_data(position).")

    def _get_data_of_generation(self, position, generation):
        """The sample at ``position`` in the order of epoch ``generation``; slices of one source ask for it."""
        return self._get_data(position)

    def _generate_order(self, generation):
        """Draw the order of epoch ``generation`` if that has not happened, keeping earlier ones."""


class DataSourceWithFileCacheError(Exception):
    """A file cache cannot be used as asked."""


class DataSourceWithFileCache(DataSource):
    """Copies another source to files at construction and reads from them.

    Args:
        data_source (DataSource): Source of the samples.
        cache_dir (str): Folder of the files, which stay there. A temporary one, removed by ``close``, when None.
        cache_file_name_prefix (str): Start of the file names.
        shuffle (bool): Draw the order of the files, and of the rows inside each, anew at each reset.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
    """

    def __init__(self, data_source, cache_dir=None, cache_file_name_prefix="cache", shuffle=False, rng=None):
        super().__init__(shuffle=shuffle, rng=rng)
        settings = nnabla_config["DATA_ITERATOR"]
        self._cache_size = int(settings["data_source_file_cache_size"])
        self._num_of_threads = int(settings["data_source_file_cache_num_of_threads"])
        self._cache_file_format = settings["cache_file_format"]
        self._cache_file_name_prefix = cache_file_name_prefix
        self._data_source = data_source
        self._size = data_source.size
        self._variables = data_source.variables
        self._original_order = list(range(self._size))

        self._remove_tempdir = None
        if cache_dir is None:
            cache_dir = tempfile.mkdtemp(dir=settings["data_source_file_cache_location"] or None)
            self._remove_tempdir = weakref.finalize(self, shutil.rmtree, cache_dir, ignore_errors=True)
        self._cache_dir = cache_dir

        self._thread_lock = threading.Lock()
        self._current_cache_file_index = -1
        self._current_cache_data = None
        self._cache_file_names = []
        self._cache_file_order = []
        self._cache_file_data_orders = []
        try:
            self._create_cache()
        except BaseException:
            if self._remove_tempdir is not None:
                self._remove_tempdir()
            raise
        self._lay_out()

    def close(self):
        """Close the source behind, and remove the temporary folder."""
        if not self._closed:
            if self._remove_tempdir is not None:
                self._remove_tempdir()
            self._data_source.close()
            super().close()

    def reset(self):
        with self._thread_lock:
            if self._shuffle:
                self._cache_file_order = list(self._rng.permutation(self._cache_file_order))
                self._cache_file_data_orders = [
                    list(self._rng.permutation(rows)) for rows in self._cache_file_data_orders]
                self._lay_out()
            self._data_source.reset()
            self._position = 0
            self._generation += 1

    def _lay_out(self):
        """Which file and which of its rows is at each position."""
        self._places = [(file, row) for file in self._cache_file_order
                        for row in self._cache_file_data_orders[file]]
        self._order = [file * self._cache_size + row for file, row in self._places]

    def _get_data(self, position):
        with self._thread_lock:
            self._position = position
            file, row = self._places[position]
            if file != self._current_cache_file_index:
                self._current_cache_data = self._read_file(self._cache_file_names[file])
                self._current_cache_file_index = file
            return [self._current_cache_data[name][row] for name in self._variables]

    def _read_file(self, path):
        if self._cache_file_format == ".h5":
            with h5py.File(path, "r") as h5:
                return {name: h5[name][()] for name in self._variables}
        with open(path, "rb") as records:  # our own file: objects in it are the source's own
            return {name: numpy.load(records, allow_pickle=True) for name in self._variables}

    def _create_cache(self):
        report = single_or_rankzero()
        if report:
            progress(None)
        with ThreadPoolExecutor(max(1, self._num_of_threads)) as pool:
            for start in range(0, self._size, self._cache_size):
                if report:
                    progress("Create cache", start / self._size)
                end = min(start + self._cache_size, self._size)
                self._write_file(start, list(pool.map(self._read_sample, range(start, end))))
        if report:
            progress(None)
        self._write_index()

    def _read_sample(self, position, attempts=10):
        """A source may answer None when a sample is not there yet."""
        for _ in range(attempts):
            sample = self._data_source._get_data(position)
            if sample is not None:
                return sample
        raise DataSourceWithFileCacheError(
            f"{type(self._data_source).__name__} gave no data for position {position} in {attempts} attempts.")

    def _write_file(self, start, samples):
        path = os.path.join(self._cache_dir, cache_file_name(
            self._cache_file_name_prefix, start, start + len(samples) - 1, self._cache_file_format))
        write_cache_file(path, self._variables, samples)
        self._cache_file_order.append(len(self._cache_file_names))
        self._cache_file_names.append(path)
        self._cache_file_data_orders.append(list(range(len(samples))))

    def _write_index(self):
        source = self._data_source
        write_cache_index(
            self._cache_dir, self._cache_file_format, self._variables,
            [(name, len(rows)) for name, rows in zip(self._cache_file_names, self._cache_file_data_orders)],
            source._original_order, source._order)
        if source._original_source_uri is not None:
            with FileReader(source._original_source_uri).open() as original, \
                    open(os.path.join(self._cache_dir, "original.csv"), "wb") as copy:
                shutil.copyfileobj(original, copy)


class DataSourceWithMemoryCache(DataSource):
    """Keeps the samples of another source in memory, when they fit.

    Samples are kept as they are first asked for, if the size of the first one times their number stays
    below ``data_source_buffer_max_size`` of the configuration; else this source just passes them through.

    Args:
        data_source (DataSource): Source of the samples.
        shuffle (bool): Draw the order anew from the third epoch on: the first two run in the order of the
            source behind, as in nnabla.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
    """

    def __init__(self, data_source, shuffle=False, rng=None):
        super().__init__(shuffle=shuffle, rng=rng)
        self._data_source = data_source
        self._size = data_source.size
        self._variables = data_source.variables
        self._order = list(range(self._size))
        self._cache = {}
        first = sum(_nbytes(value) for value in data_source._get_data(0))
        self._on_memory = first * self._size < int(
            nnabla_config.get("DATA_ITERATOR", "data_source_buffer_max_size"))

    def close(self):
        """Close the source behind and drop the samples."""
        if not self._closed:
            self._data_source.close()
            super().close()

    def reset(self):
        if self._on_memory:
            self._generation += 1
            if self._shuffle and self._generation > 0:
                self._order = list(self._rng.permutation(self._size))
            else:
                self._order = list(range(self._size))
            if self._position == 0:
                self._generation = -1  # nothing was read yet: the first epoch is still to come
            else:
                if self._shuffle and len(self._cache) < self._size:
                    self._cache = {}  # the source behind changes its order now: what we hold is of the old one
                self._data_source._position = self._position
                self._data_source.reset()
        else:
            self._data_source.reset()
            self._generation = self._data_source._generation
        self._position = 0

    def _get_data(self, position):
        if not self._on_memory:
            data = self._data_source._get_data(position)
        else:
            key = self._order[position]
            data = self._cache.get(key)
            if data is None:
                data = self._cache[key] = self._data_source._get_data(key)
        self._position = position
        return data


def _nbytes(value):
    if isinstance(value, list):
        value = numpy.array(value, dtype=numpy.float32)
    return numpy.asarray(value).nbytes


class SlicedDataSource(DataSource):
    """The positions ``slice_start`` to ``slice_end`` (excluded) of another source.

    Args:
        data_source (DataSource): Source of the samples. It stays open when this one is closed.
        shuffle (bool): Whether a cache around this source shuffles.
        rng (numpy.random.RandomState): Not drawn from: the order is that of ``data_source``.
        slice_start (int): First position.
        slice_end (int): Position after the last.
    """

    def __init__(self, data_source, shuffle=False, rng=None, slice_start=None, slice_end=None):
        super().__init__(shuffle=shuffle, rng=rng)
        self._data_source = data_source
        self._variables = data_source.variables[:]
        self._slice_start, self._slice_end = slice_start, slice_end
        self._size = slice_end - slice_start
        self._generation = 0

    def apply_order(self):
        self._generation += 1
        self._data_source._generate_order(self._generation)

    def reset(self):
        self._data_source.reset()
        self._data_source._position = self._slice_start
        self._position = 0

    def _get_data(self, position):
        self._position = position
        return self._data_source._get_data_of_generation(self._slice_start + position, self._generation)
