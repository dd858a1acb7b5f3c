"""Cache folders from CSV data sets, ahead of training."""
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

from ..config import nnabla_config
from .cache_files import cache_file_name, write_cache_file, write_cache_index
from .communicator_util import single_or_rankzero
from .data_source import DataSource
from .data_source_implements import CsvDataSource
from .data_source_loader import FileReader
from .progress import progress


class CreateCache(CsvDataSource):
    """Converts a CSV data set to a folder of cache files::

        CreateCache("train.csv", shuffle=True).create("train.cache")

    Args:
        input_csv_filename (str): Path of the CSV file.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
        shuffle (bool): Write the rows in a drawn order.
        num_of_threads (int): Threads that read and write; from the configuration when None.
    """

    def __init__(self, input_csv_filename, rng=None, shuffle=False, num_of_threads=None):
        DataSource.__init__(self, shuffle=shuffle, rng=rng)
        settings = nnabla_config["DATA_ITERATOR"]
        self._filename = self._original_source_uri = input_csv_filename
        self._filereader = FileReader(input_csv_filename)
        self._normalize = True
        self._read_table(input_csv_filename)
        self._order = list(self._rng.permutation(self._size)) if shuffle else list(range(self._size))
        self._cache_size = int(settings["data_source_file_cache_size"])
        self._num_of_threads = num_of_threads or int(settings["data_source_file_cache_num_of_threads"])

    def create(self, output_cache_dirname, normalize=True, cache_file_name_prefix="cache"):
        """Write the cache files and their index.

        Args:
            output_cache_dirname (str): A folder that exists.
            normalize (bool): Scale images to [0, 1].
            cache_file_name_prefix (str): Start of the file names.
        """
        self._normalize = normalize
        extension = nnabla_config.get("DATA_ITERATOR", "cache_file_format")
        starts = range(0, self._size, self._cache_size)
        report = progress if single_or_rankzero() else lambda *state: None

        def write(start):
            rows = self._order[start:start + self._cache_size]
            name = cache_file_name(cache_file_name_prefix, start, start + len(rows) - 1, extension)
            samples = [tuple(self._process_row(self._rows[row])) for row in rows]
            write_cache_file(os.path.join(output_cache_dirname, name), self._variables, samples)
            return name, len(rows)

        report(None)
        report("Create cache", 0)
        files = []
        with ThreadPoolExecutor(max(1, self._num_of_threads)) as pool:
            for file in pool.map(write, starts):
                files.append(file)
                report("Create cache", len(files) / len(starts))
        write_cache_index(output_cache_dirname, extension, self._variables, files,
                          self._original_order, self._order)
        shutil.copy(self._original_source_uri, os.path.join(output_cache_dirname, "original.csv"))
