"""Data sets and loaders of torch as nnabla's sources and iterators, and the other way round."""
import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from ..utils.data_iterator import DataIterator
from ..utils.data_source import DataSource


def data_source_of(dataset, shuffle=False, rng=None, variables=None):
    """A ``torch.utils.data.Dataset`` as a data source, for caches, slices and ``data_iterator``::

        iterator = data_iterator(data_source_of(MNIST(...), shuffle=True), batch_size=64)

    Args:
        dataset (Dataset): Samples by index, each an array, a tensor, a number, or a tuple, list or dict of these.
        shuffle (bool): Whether the order is drawn anew each epoch.
        rng (numpy.random.RandomState): Generator of the order; ``RandomState(313)`` when None.
        variables (list of str): Names of a sample's entries; a dict's keys, else ``x0``, ``x1``, ...

    Returns:
        DataSource
    """
    return _DatasetSource(dataset, shuffle, rng, variables)


def data_iterator_of(loader, variables=None, use_thread=False, epoch_begin_callbacks=[], epoch_end_callbacks=[],
                     stop_exhausted=False):
    """A ``torch.utils.data.DataLoader`` as a data iterator: its batches as arrays, epoch after epoch.

    Batches are those of the loader, in its order and by its workers; the last one of an epoch may be smaller. An
    exception in a worker comes out of ``next``.

    Args:
        loader (DataLoader): Batches of arrays, tensors, numbers, or tuples, lists or dicts of these.
        variables (list of str): Names of a batch's entries; a dict's keys, else ``x0``, ``x1``, ...
        use_thread (bool): Fetch the next batch in a thread, for a loader without workers.
        epoch_begin_callbacks, epoch_end_callbacks, stop_exhausted: See
            :class:`~nnabla_compat.utils.data_iterator.DataIterator`.

    Returns:
        DataIterator
    """
    return _LoaderIterator(_LoaderSource(loader, variables), loader.batch_size, use_thread=use_thread,
                           epoch_begin_callbacks=epoch_begin_callbacks, epoch_end_callbacks=epoch_end_callbacks,
                           stop_exhausted=stop_exhausted)


def dataset_of(iterator):
    """A data iterator as a data set of torch whose items are batches: those up to the end of the epoch.

    For code that wants a loader: ``DataLoader(dataset_of(iterator), batch_size=None)``. (A data source is itself a data
    set, of samples, for any number of workers: ``DataLoader(source, batch_size=64)``.)

    Args:
        iterator (DataIterator): Where batches come from; the caller closes it.

    Returns:
        torch.utils.data.IterableDataset: Tuples of tensors.
    """
    return _IteratorDataset(iterator)


def _entries(sample):
    """A sample's or batch's entries as arrays, and their names."""
    if isinstance(sample, dict):
        return tuple(_array(value) for value in sample.values()), list(sample)
    values = sample if isinstance(sample, (tuple, list)) else (sample,)
    return tuple(_array(value) for value in values), [f"x{i}" for i in range(len(values))]


def _array(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return (value.float() if value.dtype is torch.bfloat16 else value).numpy()
    return np.asarray(value)


class _DatasetSource(DataSource):
    def __init__(self, dataset, shuffle, rng, variables):
        super().__init__(shuffle=shuffle, rng=rng)
        self._dataset, self._size = dataset, len(dataset)
        self._variables = list(variables or _entries(dataset[0])[1])
        self.reset()

    def reset(self):
        self._indexes = self._rng.permutation(self._size) if self._shuffle else np.arange(self._size)
        super().reset()

    def _get_data(self, position):
        return _entries(self._dataset[int(self._indexes[position])])[0]


class _LoaderSource(DataSource):
    """A loader with one batch fetched ahead: only that tells whether a batch is the last one of its epoch.

    ``_ahead`` is that batch, the exception that came in its place, or None at the end of an epoch.
    """

    def __init__(self, loader, variables):
        super().__init__()
        self._loader, self._ahead = loader, None
        try:
            self._size = len(loader.sampler)
        except TypeError:  # a stream
            self._size = 0
        self.reset()
        self._variables = list(variables or _entries(self._ahead)[1])

    def reset(self):
        if self._position or self._ahead is None:  # else nothing was taken yet
            self._generation += 1
            self._batches = iter(self._loader)
            self._ahead = self._fetch()
            if self._ahead is None:
                raise ValueError(f"data_iterator_of: the loader has no batches in epoch {self._generation}. Check its data "
                                 "set, which must begin anew each time, and drop_last.")
        super().reset()

    def close(self):
        self._batches = self._ahead = None  # ends the workers
        super().close()

    def _fetch(self):
        try:
            return next(self._batches, None)
        except Exception as error:
            return error

    @property
    def exhausted(self):
        return self._ahead is None

    def next(self):
        """The next batch; starts the next epoch when one has ended."""
        if self._ahead is None:
            self.reset()
        ahead, self._ahead = self._ahead, self._fetch()
        if isinstance(ahead, Exception):
            raise ahead
        arrays = _entries(ahead)[0]
        self._position += len(arrays[0])
        return arrays


class _LoaderIterator(DataIterator):
    def _collect(self):
        source = self._data_source
        if source.exhausted and self._stop_exhausted:
            raise StopIteration
        batch = source.next()
        return batch, int(source.exhausted and not self._stop_exhausted)


class _IteratorDataset(IterableDataset):
    def __init__(self, iterator):
        super().__init__()
        self.iterator = iterator

    def __iter__(self):
        if get_worker_info() is not None:
            raise ValueError("dataset_of: expected num_workers=0, received more: an iterator has a place in its epoch, "
                             "which processes do not share. It reads ahead in a thread; or give the loader the data source.")
        epoch = self.iterator.epoch
        while self.iterator.epoch == epoch:
            try:
                batch = self.iterator.next()
            except StopIteration:
                self.iterator._reset()
                return
            yield tuple(map(torch.from_numpy, batch))
