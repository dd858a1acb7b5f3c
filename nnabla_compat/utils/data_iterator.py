"""Iterators that collect the samples of a data source into batches, epoch after epoch."""
import atexit
import contextlib
import os
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy

from ..logger import logger
from .data_source import DataSourceWithFileCache, DataSourceWithMemoryCache, SlicedDataSource, reading
from .data_source_implements import CacheDataSource, ConcatDataSource, CsvDataSource, SimpleDataSource

# Iterators still open when the interpreter ends are closed then, and their sources with them. Weak: an
# iterator that nobody holds any longer ends its thread by itself.
_open_iterators = weakref.WeakSet()


@atexit.register
def _close_open_iterators():
    with contextlib.ExitStack() as closing:  # one that fails does not keep the others open
        for iterator in list(_open_iterators):
            closing.callback(iterator.close)


def _go_on_without_threads():
    """A forked process has the iterators but not their threads."""
    for iterator in list(_open_iterators):
        iterator._thread = None
        if iterator._batch is not None and not iterator._batch.done():
            iterator._batch = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_without_threads)


class DataIterator:
    """Batches of a data source, without end: after the last sample the source starts the next epoch.

    A batch is a tuple with one array per variable, samples stacked along a new first axis. An epoch need not
    be a multiple of the batch size: a batch that reaches its end goes on with samples of the next one.

    An exception raised by the source comes out of :meth:`next`, also from the thread; a further call goes on
    with the sample that failed, so none is lost.

    Args:
        data_source (DataSource): Source of the samples; closed along with the iterator.
        batch_size (int): Samples in a batch.
        rng (numpy.random.RandomState): Kept for compatibility: the order is the source's.
        use_thread (bool): Collect the next batch in a thread while the current one is used.
        epoch_begin_callbacks (list of callable): Called with the number of the epoch that begins.
        epoch_end_callbacks (list of callable): Called with the number of the epoch that ended, by the call
            of :meth:`next` whose batch reaches its end.
        stop_exhausted (bool): Raise StopIteration when fewer samples than a batch are left, instead of
            starting the next epoch.
    """

    def __init__(self, data_source, batch_size, rng=None, use_thread=True, epoch_begin_callbacks=[],
                 epoch_end_callbacks=[], stop_exhausted=False):
        self._data_source = data_source
        self._batch_size = batch_size
        self._rng = numpy.random.RandomState(313) if rng is None else rng
        self._use_thread = use_thread
        self._stop_exhausted = stop_exhausted
        self._epoch_begin_callbacks = list(epoch_begin_callbacks)
        self._epoch_end_callbacks = list(epoch_end_callbacks)
        self._shuffle = data_source.shuffle
        self._variables = data_source.variables
        self._size = data_source.size
        self._current_epoch = 0
        self._samples = []  # of the batch being collected, with _ends epochs ended in it so far
        self._ends = 0
        self._thread = self._batch = None
        self._closed = False
        self._data_source.reset()
        if use_thread:
            # The executor's thread holds no reference to the iterator between two batches.
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="nnabla-data-iterator")
            self._prefetch()
        _open_iterators.add(self)

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def __enter__(self):
        return self

    def __exit__(self, type, value, traceback):
        self.close()

    def close(self):
        """End the thread and close the source. Closing twice does nothing."""
        if not self._closed:
            self._closed = True
            _open_iterators.discard(self)
            if self._thread is not None:
                self._thread.shutdown()
                self._thread = None
            self._data_source.close()

    epoch = reading("_current_epoch", "Epochs completed so far.")
    position = reading("_data_source.position",
                       "Position of the source in its epoch; with a thread it is a batch ahead.")
    size = reading("_size", "Samples in one epoch.")
    variables = reading("_variables", "Names of the arrays in a batch.")
    batch_size = reading("_batch_size", "Samples in a batch.")

    def next(self):
        """The next batch.

        Returns:
            tuple of numpy.ndarray: One array per variable.

        Raises:
            StopIteration: With ``stop_exhausted``, when no whole batch is left.
        """
        batch, ends = self._take()
        if batch is None:
            if self._stop_exhausted and self._data_source.position + self._batch_size >= self._size:
                raise StopIteration
            if self._use_thread:  # the source had no data at that moment
                batch, ends = self._take()
        if self._thread is not None:
            self._prefetch()
        for _ in range(ends):
            for callback in self._epoch_end_callbacks:
                callback(self._current_epoch)
            self._current_epoch += 1
            for callback in self._epoch_begin_callbacks:
                callback(self._current_epoch)
        return batch

    def _prefetch(self):
        self._batch = self._thread.submit(self._collect)

    def _take(self):
        batch, self._batch = self._batch, None
        return self._collect() if batch is None else batch.result()

    def _collect(self):
        """Collect a batch; the batch (None without data) and how many epochs ended in it."""
        source = self._data_source
        if self._stop_exhausted and not self._samples and source.position + self._batch_size > self._size:
            return None, 0
        while len(self._samples) < self._batch_size:
            sample = source.next()
            if sample is None:
                return None, 0
            self._samples.append(sample)
            if source.position >= self._size and not self._stop_exhausted:
                self._ends += 1
                source.reset()
        samples, ends = self._samples, self._ends
        self._samples, self._ends = [], 0
        if ends:
            source.apply_order()
        return tuple(numpy.array([sample[i] for sample in samples]) for i in range(len(self._variables))), ends

    def _reset(self):
        """Start an epoch anew: the way back for an iterator that stopped."""
        if self._batch is not None:
            self._batch.cancel()
            if not self._batch.cancelled():
                self._batch.exception()  # wait: it reads the source
            self._batch = None
        self._samples, self._ends = [], 0
        self._data_source.reset()

    def slice(self, rng, num_of_slices=None, slice_pos=None, slice_start=None, slice_end=None,
              cache_dir=None, use_cache=False, drop_last=False):
        """An iterator over a part of the same source, for one of several workers.

        Name the part by ``num_of_slices`` and ``slice_pos``, or by ``slice_start`` and ``slice_end``::

            mine = iterator.slice(None, num_of_slices=comm.size, slice_pos=comm.rank)

        Args:
            rng (numpy.random.RandomState): Generator for the order of the caches.
            num_of_slices (int): Parts to cut the source into.
            slice_pos (int): Which of them, from 0.
            slice_start (int): First position.
            slice_end (int): Position after the last.
            cache_dir (str): Folder of the cache files; that of this iterator's source by default.
            use_cache (bool): Cache the part, in files when there is a folder for them, and in memory.
            drop_last (bool): Leave samples out rather than repeat some where the parts come out uneven.

        Returns:
            DataIterator: None when the part is not named in one of the two ways.
        """
        by_number = (num_of_slices is not None, slice_pos is not None)
        by_range = (slice_start is not None, slice_end is not None)
        if all(by_number) and not any(by_range):
            slice_start, slice_end = self._part(num_of_slices, slice_pos, drop_last)
        elif not all(by_range) or any(by_number):
            logger.critical("DataIterator.slice: give num_of_slices and slice_pos, or slice_start and slice_end.")
            return None

        source = SlicedDataSource(self._data_source, self._data_source.shuffle,
                                  slice_start=slice_start, slice_end=slice_end)
        if use_cache:
            cache_dir = cache_dir or self._source_cache_dir()
            if cache_dir is not None:
                source = DataSourceWithFileCache(
                    source, cache_dir=cache_dir, shuffle=self._shuffle, rng=rng,
                    cache_file_name_prefix="cache_sliced_{:08d}_{:08d}".format(slice_start, slice_end))
            source = DataSourceWithMemoryCache(source, shuffle=self._shuffle, rng=rng)
        return DataIterator(source, self._batch_size)

    def _part(self, parts, number, drop_last):
        """Bounds of one of several parts of the same length; they overlap when some must be repeated."""
        if drop_last:
            length = self._size // parts
            return length * number, length * (number + 1)
        length = -(-self._size // parts)
        start = length * number % self._size
        start -= max(0, start + length - self._size)
        return start, start + length

    def _source_cache_dir(self):
        """Cache folder of the innermost source that has one."""
        source, found = self._data_source, None
        while hasattr(source, "_data_source"):
            found = getattr(source, "_cache_dir", found)
            source = source._data_source
        return found

    def register_epoch_end_callback(self, callback):
        """Add a callable for the end of each epoch, called with its number."""
        self._epoch_end_callbacks.append(callback)

    def register_epoch_begin_callback(self, callback):
        """Add a callable for the beginning of each epoch, called with its number."""
        self._epoch_begin_callbacks.append(callback)


def data_iterator(data_source, batch_size, rng=None, use_thread=True, with_memory_cache=True,
                  with_file_cache=False, cache_dir=None, epoch_begin_callbacks=[], epoch_end_callbacks=[],
                  stop_exhausted=False):
    """Iterate over a data source, through caches.

    Args:
        data_source (DataSource): Source of the samples.
        batch_size (int): Samples in a batch.
        rng (numpy.random.RandomState): Generator for the order of the caches.
        use_thread (bool): Collect the next batch in a thread.
        with_memory_cache (bool): Keep the samples in memory if they fit.
        with_file_cache (bool): Write the samples to files first: worth it when the source is slow.
        cache_dir (str): Folder of those files, kept; a temporary one when None.
        epoch_begin_callbacks (list of callable): See :class:`DataIterator`.
        epoch_end_callbacks (list of callable): See :class:`DataIterator`.
        stop_exhausted (bool): See :class:`DataIterator`.

    Returns:
        DataIterator: Batches without end.
    """
    if with_file_cache:
        data_source = DataSourceWithFileCache(
            data_source, cache_dir=cache_dir, shuffle=data_source.shuffle, rng=rng)
    if with_memory_cache:
        data_source = DataSourceWithMemoryCache(data_source, shuffle=data_source.shuffle, rng=rng)
    return DataIterator(
        data_source, batch_size, use_thread=use_thread, epoch_begin_callbacks=epoch_begin_callbacks,
        epoch_end_callbacks=epoch_end_callbacks, stop_exhausted=stop_exhausted)


def data_iterator_simple(load_func, num_examples, batch_size, shuffle=False, rng=None, use_thread=True,
                         with_memory_cache=False, with_file_cache=False, cache_dir=None,
                         epoch_begin_callbacks=[], epoch_end_callbacks=[], stop_exhausted=False):
    """Iterate over samples that a function loads::

        iterator = data_iterator_simple(lambda i: (images[i], labels[i]), len(images), 64, shuffle=True)
        for step in range(1000):
            x.d, t.d = iterator.next()

    Args:
        load_func (callable): Takes an index, returns a tuple of arrays of the same shapes each time.
        num_examples (int): Indices run from 0 up to this.
        batch_size (int): Samples in a batch.
        shuffle (bool): Whether the order is drawn anew each epoch.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
        use_thread (bool): Collect the next batch in a thread.
        with_memory_cache (bool): Keep the samples in memory if they fit.
        with_file_cache (bool): Write the samples to files first.
        cache_dir (str): Folder of those files, kept; a temporary one when None.
        epoch_begin_callbacks (list of callable): See :class:`DataIterator`.
        epoch_end_callbacks (list of callable): See :class:`DataIterator`.
        stop_exhausted (bool): See :class:`DataIterator`.

    Returns:
        DataIterator: Batches without end.
    """
    return data_iterator(
        SimpleDataSource(load_func, num_examples, shuffle=shuffle, rng=rng), batch_size,
        use_thread=use_thread, with_memory_cache=with_memory_cache, with_file_cache=with_file_cache,
        cache_dir=cache_dir, epoch_begin_callbacks=epoch_begin_callbacks,
        epoch_end_callbacks=epoch_end_callbacks, stop_exhausted=stop_exhausted)


def data_iterator_csv_dataset(uri, batch_size, shuffle=False, rng=None, use_thread=True, normalize=True,
                              with_memory_cache=True, with_file_cache=True, cache_dir=None,
                              epoch_begin_callbacks=[], epoch_end_callbacks=[], stop_exhausted=False):
    """Iterate over a data set described by a CSV file.

    Args:
        uri (str): Path or address of the file, see :class:`~.data_source_implements.CsvDataSource`.
        batch_size (int): Samples in a batch.
        shuffle (bool): Whether the order is drawn anew each epoch.
        rng (numpy.random.RandomState): Generator for the order of the rows; caches use their own.
        use_thread (bool): Collect the next batch in a thread.
        normalize (bool): Scale images to [0, 1].
        with_memory_cache (bool): Keep the samples in memory if they fit.
        with_file_cache (bool): Write the samples to files first. Numbers become float32.
        cache_dir (str): Folder of those files, kept; a temporary one when None.
        epoch_begin_callbacks (list of callable): See :class:`DataIterator`.
        epoch_end_callbacks (list of callable): See :class:`DataIterator`.
        stop_exhausted (bool): See :class:`DataIterator`.

    Returns:
        DataIterator: Batches without end.
    """
    return data_iterator(
        CsvDataSource(uri, shuffle=shuffle, rng=rng, normalize=normalize), batch_size,
        use_thread=use_thread, with_memory_cache=with_memory_cache, with_file_cache=with_file_cache,
        cache_dir=cache_dir, epoch_begin_callbacks=epoch_begin_callbacks,
        epoch_end_callbacks=epoch_end_callbacks, stop_exhausted=stop_exhausted)


def data_iterator_cache(uri, batch_size, shuffle=False, rng=None, use_thread=True, normalize=True,
                        with_memory_cache=True, epoch_begin_callbacks=[], epoch_end_callbacks=[],
                        stop_exhausted=False):
    """Iterate over a folder of cache files.

    Args:
        uri (str): The folder.
        batch_size (int): Samples in a batch.
        shuffle (bool): Whether the order is drawn anew each epoch.
        rng (numpy.random.RandomState): Generator for the order of the files; the memory cache uses its own.
        use_thread (bool): Collect the next batch in a thread.
        normalize (bool): Scale uint8 and uint16 arrays to [0, 1].
        with_memory_cache (bool): Keep the samples in memory if they fit.
        epoch_begin_callbacks (list of callable): See :class:`DataIterator`.
        epoch_end_callbacks (list of callable): See :class:`DataIterator`.
        stop_exhausted (bool): See :class:`DataIterator`.

    Returns:
        DataIterator: Batches without end.
    """
    return data_iterator(
        CacheDataSource(uri, shuffle=shuffle, rng=rng, normalize=normalize), batch_size,
        use_thread=use_thread, with_memory_cache=with_memory_cache,
        epoch_begin_callbacks=epoch_begin_callbacks, epoch_end_callbacks=epoch_end_callbacks,
        stop_exhausted=stop_exhausted)


def data_iterator_concat_datasets(data_source_list, batch_size, shuffle=False, rng=None, use_thread=True,
                                  with_memory_cache=True, with_file_cache=False, cache_dir=None,
                                  epoch_begin_callbacks=[], epoch_end_callbacks=[], stop_exhausted=False):
    """Iterate over several data sources as one.

    Args:
        data_source_list (list of DataSource): Sources with the same variables.
        batch_size (int): Samples in a batch.
        shuffle (bool): Draw an order over all samples anew each epoch.
        rng (numpy.random.RandomState): Generator of that order; caches use their own.
        use_thread (bool): Collect the next batch in a thread.
        with_memory_cache (bool): Keep the samples in memory if they fit.
        with_file_cache (bool): Write the samples to files first.
        cache_dir (str): Folder of those files, kept; a temporary one when None.
        epoch_begin_callbacks (list of callable): See :class:`DataIterator`.
        epoch_end_callbacks (list of callable): See :class:`DataIterator`.
        stop_exhausted (bool): See :class:`DataIterator`.

    Returns:
        DataIterator: Batches without end.
    """
    return data_iterator(
        ConcatDataSource(data_source_list, shuffle=shuffle, rng=rng), batch_size,
        use_thread=use_thread, with_memory_cache=with_memory_cache, with_file_cache=with_file_cache,
        cache_dir=cache_dir, epoch_begin_callbacks=epoch_begin_callbacks,
        epoch_end_callbacks=epoch_end_callbacks, stop_exhausted=stop_exhausted)
