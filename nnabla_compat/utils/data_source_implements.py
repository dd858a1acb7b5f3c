"""Data sources: a function, a CSV file, a cache folder, and several sources one after the other."""
import bisect
import csv
import itertools
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy

from ..config import nnabla_config
from ..files.h5_datasets import own_datasets, values_of
from .data_source import DataSource
from .data_source_loader import FileReader, load


class SimpleDataSource(DataSource):
    """Samples from a function.

    The order of an epoch is drawn after the batch that ends the one before. A batch that runs over the end
    takes its first samples of the new epoch in the *old* order, as in nnabla: when ``batch_size`` does not
    divide ``num_examples``, a shuffled epoch repeats and misses a few samples.

    Args:
        load_func (callable): Takes an index, returns a tuple of arrays of the same shapes each time.
        num_examples (int): Indices run from 0 up to this.
        shuffle (bool): Whether the order is drawn anew each epoch.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
    """

    # Orders kept for slices that run behind the newest epoch.
    _KEPT_ORDERS = 15

    def __init__(self, load_func, num_examples, shuffle=False, rng=None):
        super().__init__(shuffle=shuffle, rng=rng)
        self._load_func = load_func
        self._size = num_examples
        self._variables = ["x" + str(i) for i in range(len(load_func(0)))]
        self._generation = 0
        self._orders = deque(maxlen=self._KEPT_ORDERS)  # pairs (generation, order)
        self._newest = None, None
        self._orders_lock = threading.Lock()  # slices of one source ask from threads of their own
        self.reset()
        self._generate_order(0)

    def apply_order(self):
        self._generation += 1
        self._generate_order(self._generation)

    def _generate_order(self, generation):
        with self._orders_lock:
            if any(known == generation for known, _ in self._orders):
                return
            order = self._rng.permutation(self._size) if self._shuffle else numpy.arange(self._size)
            self._newest = generation, order
            self._orders.append(self._newest)

    def _get_data(self, position):
        return self._get_data_of_generation(position, self._generation)

    def _get_data_of_generation(self, position, generation):
        known, order = self._newest
        if known != generation:
            with self._orders_lock:
                orders = dict(self._orders)
            if generation not in orders:
                raise ValueError(
                    f"SimpleDataSource: the order of epoch {generation} is not kept, only those of epochs "
                    f"{list(orders)}. Let the slices of one source advance together.")
            order = orders[generation]
        return self._load_func(order[position])


class CachePrefetcher:
    """Reads one cache file ahead, in a thread of its own.

    Args:
        cachedir (str): Folder of the cache.
        variables (list of str): Records in each file, in order.
    """

    def __init__(self, cachedir, variables):
        self._variables = variables
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="nnabla-cache")
        self._read = None
        self.file_name = None

    def read_cache(self, file_name, variables):
        """Read a file now; a dict from variable to array."""
        with FileReader(file_name).open() as records:
            return {name: numpy.load(records, allow_pickle=False) for name in variables}

    def request(self, cache_file_name):
        """Start to read a file."""
        self.file_name = cache_file_name
        self._read = self._pool.submit(self.read_cache, cache_file_name, self._variables)

    def check_if_hit(self, fn):
        """Whether ``fn`` is the requested file; then :meth:`read` must follow."""
        if fn is None or fn != self.file_name:
            return False
        self.file_name = None
        return True

    def read(self):
        """The requested file's arrays, waiting for them when need be."""
        requested, self._read, self.file_name = self._read, None, None
        return requested.result() if requested is not None else None

    def close(self):
        """Wait for the thread and end it."""
        self._pool.shutdown()


class CacheReaderWithPrefetch:
    """Reads cache files, keeping up to ``num_threads`` of the next ones on their way.

    Args:
        cachedir (str): Folder of the cache.
        num_threads (int): Files read ahead at the same time.
        variables (list of str): Records in each file, in order.
    """

    def __init__(self, cachedir, num_threads, variables):
        self._variables = variables
        self._direct = CachePrefetcher(cachedir, variables)
        self._cache_prefetchers = [CachePrefetcher(cachedir, variables) for _ in range(num_threads)]

    def open_and_prefetch_cache(self, file_name, file_names_to_prefetch):
        """Arrays of ``file_name``; starts to read the others."""
        wanted = [name for name in file_names_to_prefetch or () if name != file_name]
        result = None
        for prefetcher in self._cache_prefetchers:
            if result is None and prefetcher.check_if_hit(file_name):
                result = prefetcher.read()
            elif prefetcher.file_name is not None and prefetcher.file_name not in wanted:
                prefetcher.file_name = None  # the order changed: what it reads is of no use
        under_way = {prefetcher.file_name for prefetcher in self._cache_prefetchers}
        idle = [prefetcher for prefetcher in self._cache_prefetchers if prefetcher.file_name is None]
        for prefetcher, name in zip(idle, [name for name in wanted if name not in under_way]):
            prefetcher.request(name)
        return self._direct.read_cache(file_name, self._variables) if result is None else result

    def close(self):
        """End the threads."""
        for prefetcher in [self._direct, *self._cache_prefetchers]:
            prefetcher.close()


class CacheDataSource(DataSource):
    """A folder of cache files, as a file cache or the command line's dataset conversion leaves it.

    Args:
        cachedir (str): The folder.
        shuffle (bool): Draw the order of the files, and of the rows inside each, anew each epoch.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
        normalize (bool): Scale uint8 and uint16 arrays to float32 from 0 to 1.
    """

    _WHITE = {numpy.dtype("u1"): 255.0, numpy.dtype("u2"): 65535.0}

    def __init__(self, cachedir, shuffle=False, rng=None, normalize=False):
        super().__init__(shuffle=shuffle, rng=rng)
        self._cachedir = cachedir
        self._normalize = normalize
        self._filereader = FileReader(cachedir)
        self._num_of_threads = int(nnabla_config.get("DATA_ITERATOR", "cache_file_cache_num_of_threads"))
        self._thread_lock = threading.Lock()
        self._cache_reader_with_prefetch = None
        self._cache_files = []  # pairs (file name, rows)
        self.initialize_cache_info(os.path.join(cachedir, "cache_info.csv"))
        self.initialize_cache_files_with_index(os.path.join(cachedir, "cache_index.csv"))
        if not self._cache_files:
            raise ValueError(
                f"CacheDataSource: expected cache files in {cachedir!r}, found no cache_index.csv and no .h5 file.")
        if self._cache_type == ".npy":
            self._cache_reader_with_prefetch = CacheReaderWithPrefetch(
                cachedir, self._num_of_threads, self._variables)
        self._original_order = self._rows_of(range(len(self._cache_files)))
        self.reset()

    def close(self):
        """End the threads that read ahead."""
        if not self._closed:
            if self._cache_reader_with_prefetch is not None:
                self._cache_reader_with_prefetch.close()
            super().close()

    def initialize_cache_info(self, info_filename):
        """Read the variable names; without that file the cache is of HDF5 files, which name them."""
        try:
            with FileReader(info_filename).open(textmode=True) as table:
                self._variables = [row[0] for row in csv.reader(table)]
            self._cache_type = ".npy"
        except OSError:
            self._variables = None
            self._cache_type = ".h5"

    def initialize_cache_files_with_index(self, index_filename):
        """Read the list of files; without it, take every HDF5 file of the folder."""
        try:
            with FileReader(index_filename).open(textmode=True) as table:
                listed = [(os.path.join(self._cachedir, row[0]), int(row[1])) for row in csv.reader(table)]
        except OSError:
            for name in self._filereader.listdir() or ():
                self.initialize_cache_files(name)
            return
        self._cache_files = listed
        if self._variables is None and listed:
            with self._filereader.open_cache(listed[0][0]) as cache:
                self._variables = list(own_datasets(cache, listed[0][0]))

    def initialize_cache_files(self, filename):
        """Take in one HDF5 file of the folder."""
        with self._filereader.open_cache(filename) as cache:
            datasets = own_datasets(cache, filename)
            lengths = {dataset.shape[0] for dataset in datasets.values()}
            assert len(lengths) == 1, (
                f"cache file {filename!r}: expected the same number of rows for each variable, found {lengths}.")
            if self._variables is None:
                self._variables = list(datasets)
            self._cache_files.append((os.path.join(self._cachedir, filename), lengths.pop()))

    def _rows_of(self, files):
        return [(name, row) for name, rows in (self._cache_files[file] for file in files) for row in range(rows)]

    def reset(self):
        with self._thread_lock:
            if self._shuffle:
                self._order = []
                for file in self._rng.permutation(len(self._cache_files)):
                    name, rows = self._cache_files[file]
                    self._order.extend((name, row) for row in self._rng.permutation(rows))
            else:
                self._order = list(self._original_order)
            self._file_sequence = [name for name, _ in itertools.groupby(self._order, key=lambda place: place[0])]
            self._current_filename, self._current_data = None, {}
            self._size = len(self._order)
            self._generation += 1
            super().reset()

    def _get_data(self, position):
        with self._thread_lock:
            self._position = position
            name, row = self._order[position]
            if name != self._current_filename:
                self._current_data = self._read_file(name)
                self._current_filename = name
            data = [self._current_data[variable][row] for variable in self._variables]
        return [self._scaled(values) for values in data] if self._normalize else data

    def _read_file(self, name):
        if self._cache_type == ".npy":
            at = self._file_sequence.index(name)
            ahead = self._file_sequence[at + 1:at + 1 + self._num_of_threads]
            return self._cache_reader_with_prefetch.open_and_prefetch_cache(name, ahead)
        with self._filereader.open_cache(name) as cache:
            datasets = own_datasets(cache, name)
            return {variable: values_of(datasets[variable]) for variable in self._variables}

    def _scaled(self, values):
        white = self._WHITE.get(values.dtype)
        return values if white is None else values.astype(numpy.float32) * (1.0 / white)


class CsvDataSource(DataSource):
    """Rows of a CSV file; cells are numbers, or files named relative to it.

    The header's cells read ``name[__index][:label]``. Columns of one name with an index make one vector, in
    column order. A column whose header starts with ``#`` is left out.

    Args:
        filename (str): Path or address of the CSV file, UTF-8.
        shuffle (bool): Whether the order of the rows is drawn anew each epoch.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
        normalize (bool): Scale images to float64 from 0 to 1.
    """

    def __init__(self, filename, shuffle=False, rng=None, normalize=False):
        super().__init__(shuffle=shuffle, rng=rng)
        self._filename = self._original_source_uri = filename
        self._normalize = normalize
        self._filereader = FileReader(filename)
        self._read_table(filename)
        self._order = list(range(self._size))
        self.reset()

    def _read_table(self, filename):
        with self._filereader.open(textmode=True) as table:
            rows = csv.reader(table)
            header = next(rows, [])
            self._rows = list(rows)
        self._remove_comment_cols(header, self._rows)
        self._process_header(header)
        self._variables = tuple(self._variables_dict)
        self._size = len(self._rows)
        self._original_order = list(range(self._size))

    def _remove_comment_cols(self, header, rows):
        for column in reversed(range(len(header))):
            if not header[column]:
                raise IndexError(
                    f"{self._original_source_uri}: column {column + 1} has no name. Write the header as "
                    "name[__index][:label].")
            if header[column].startswith("#"):
                for row in [header, *rows]:
                    del row[column]

    def _process_header(self, row):
        self._columns = []
        self._variables_dict = {}
        for cell in row:
            name, _, label = cell.partition(":")
            name, marked, index = name.partition("__")
            self._columns.append((name, index if marked else None, label or None))
            entry = {"label": label or None, "value": None}
            if marked:
                self._variables_dict.setdefault(name, []).append(entry)
            else:
                self._variables_dict[name] = entry

    def _process_row(self, row):
        if len(row) != len(self._columns):
            raise IndexError(
                f"{self._original_source_uri}: expected {len(self._columns)} cells as in the header, "
                f"received {len(row)}: {row}.")
        values = {}
        for (name, index, _), cell in zip(self._columns, row):
            if index is None:
                values[name] = self._get_value(cell, is_vector=True)
            else:
                values.setdefault(name, []).append(self._get_value(cell))
        return values.values()

    def _get_value(self, value, is_vector=False):
        try:
            number = float(value)
        except ValueError:
            with self._filereader.open(value) as file:
                return load(os.path.splitext(value)[1].lower())(file, normalize=self._normalize)
        return [number] if is_vector else number

    def _get_data(self, position):
        return tuple(self._process_row(self._rows[self._order[position]]))

    def reset(self):
        if self._shuffle:
            self._order = list(self._rng.permutation(self._size))
        self._generation += 1
        super().reset()


class ConcatDataSource(DataSource):
    """Several sources as one. They stay open when this one is closed.

    Args:
        data_source_list (list of DataSource): Sources with the same variables.
        shuffle (bool): Draw an order over all samples anew each epoch.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
    """

    def __init__(self, data_source_list, shuffle=True, rng=None):
        super().__init__(shuffle=shuffle, rng=rng)
        self._data_sources = data_source_list
        self._sw_points = list(itertools.accumulate(source.size for source in data_source_list))
        self._size = self._sw_points[-1]
        self._variables = data_source_list[0].variables
        self.reset()

    def _get_data(self, position):
        index = self._indexes[position]
        source = bisect.bisect_right(self._sw_points, index)
        return self._data_sources[source]._get_data(index - (self._sw_points[source - 1] if source else 0))

    def reset(self):
        self._indexes = self._rng.permutation(self._size) if self._shuffle else numpy.arange(self._size)
        super().reset()
