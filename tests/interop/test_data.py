"""Data sets and loaders of torch feed nnabla's iterators, and nnabla's sources and iterators feed torch's."""
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from nnabla_compat.interop import data_iterator_of, data_source_of, dataset_of
from nnabla_compat.utils.data_iterator import data_iterator, data_iterator_simple
from nnabla_compat.utils.data_source_implements import CacheDataSource, SimpleDataSource


class Named(Dataset):
    """Samples as dicts; ``fails`` is an index that cannot be read so many times."""

    def __init__(self, size, fails=None, times=1):
        self.size, self.fails, self.times = size, fails, times

    def __len__(self):
        return self.size

    def __getitem__(self, i):
        if i == self.fails and self.times:
            self.times -= 1
            raise OSError(f"sample {i}")
        return {"x": torch.tensor([i, i], dtype=torch.bfloat16), "y": i}


class Stream(IterableDataset):
    def __iter__(self):
        return iter(torch.arange(5))


def epochs_of(numbers, size):
    return np.concatenate(numbers)[:len(np.concatenate(numbers)) // size * size].reshape(-1, size)


@pytest.mark.parametrize("memory", [False, True])
def test_dataset_as_source(memory):
    """No sample is lost or repeated over 1,000 epochs of random sizes."""
    rng = np.random.RandomState(0)
    for _ in range(25):
        size, batch = (int(n) for n in rng.randint(1, 30, 2))
        source = data_source_of(TensorDataset(torch.arange(size), torch.ones(size)), shuffle=bool(rng.randint(2)))
        with data_iterator(source, batch, use_thread=bool(rng.randint(2)), with_memory_cache=memory) as iterator:
            found = [iterator.next()[0] for _ in range(-(-size * 40 // batch))]
        for epoch in epochs_of(found, size)[:40]:
            assert np.array_equal(np.sort(epoch), np.arange(size))


def test_samples_of_any_kind():
    with data_iterator(data_source_of(Named(3)), 2) as iterator:
        x, y = iterator.next()
        assert iterator.variables == ["x", "y"] and (x.dtype, y.dtype) == (np.float32, np.int64)
        assert x.tolist() == [[0, 0], [1, 1]] and y.tolist() == [0, 1]
    assert data_source_of([1.5, 2.5]).variables == ["x0"]
    assert data_source_of(Named(2), variables=["image", "label"]).variables == ["image", "label"]


@pytest.mark.parametrize("use_thread", [False, True])
def test_source_that_fails_once_loses_nothing(use_thread):
    with data_iterator(data_source_of(Named(6, fails=4)), 2, use_thread=use_thread, with_memory_cache=False) as iterator:
        found = [iterator.next()[1].tolist() for _ in range(2)]
        with pytest.raises(OSError, match="sample 4"):
            iterator.next()
        assert [*found, iterator.next()[1].tolist()] == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("use_thread", [False, True])
def test_loader_as_iterator(use_thread):
    """Nothing is lost or repeated over 1,000 epochs of random sizes, and epochs are counted as they end."""
    rng = np.random.RandomState(1)
    for _ in range(25):
        size, batch = (int(n) for n in rng.randint(1, 30, 2))
        events, found = [], []
        loader = DataLoader(torch.arange(size), batch, shuffle=True)
        with data_iterator_of(loader, use_thread=use_thread, epoch_begin_callbacks=[lambda e: events.append(("begin", e))],
                              epoch_end_callbacks=[lambda e: events.append(("end", e))]) as iterator:
            assert (iterator.size, iterator.batch_size, iterator.variables) == (size, batch, ["x0"])
            for epoch in range(40):
                assert iterator.epoch == epoch
                found += [iterator.next()[0] for _ in range(len(loader))]
            assert events == [e for n in range(40) for e in (("end", n), ("begin", n + 1))]
        for epoch in epochs_of(found, size):
            assert np.array_equal(np.sort(epoch), np.arange(size))


def test_loader_of_a_stream_and_exhaustion():
    with data_iterator_of(DataLoader(Stream(), 2)) as iterator:
        assert [iterator.next()[0].tolist() for _ in range(4)] == [[0, 1], [2, 3], [4], [0, 1]] and iterator.size == 0
    for use_thread in (False, True):
        with data_iterator_of(DataLoader(Stream(), 2), use_thread=use_thread, stop_exhausted=True) as iterator:
            assert [b[0].tolist() for b in iterator] == [[0, 1], [2, 3], [4]] and list(iterator) == []
            iterator._reset()
            assert len(list(iterator)) == 3


def test_loader_without_batches():
    with pytest.raises(ValueError, match="no batches in epoch 0"):
        data_iterator_of(DataLoader(torch.arange(3), 4, drop_last=True))
    once = iter(torch.arange(3))

    class Once(IterableDataset):
        def __iter__(self):
            return once

    with data_iterator_of(DataLoader(Once(), 2)) as iterator:
        assert [iterator.next()[0].tolist() for _ in range(2)] == [[0, 1], [2]]
        with pytest.raises(ValueError, match="no batches in epoch 1"):
            iterator.next()


@pytest.mark.parametrize("workers", [0, 2])
def test_exceptions_in_workers_surface_in_their_place(workers):
    options = dict(num_workers=workers, multiprocessing_context="fork") if workers else {}
    with data_iterator_of(DataLoader(Named(8, fails=4, times=100), 2, **options)) as iterator:
        assert [iterator.next()[1].tolist() for _ in range(2)] == [[0, 1], [2, 3]]
        with pytest.raises(OSError, match="sample 4"):
            iterator.next()
        assert iterator.next()[1].tolist() == [6, 7] and iterator.epoch == 1
        assert iterator.next()[1].tolist() == [0, 1]


@pytest.mark.parametrize("workers", [0, 2])
def test_source_as_dataset(workers, tmp_path):
    options = dict(num_workers=workers, multiprocessing_context="fork") if workers else {}
    with data_iterator_simple(lambda i: (np.float32([i, 2 * i]), i), 10, 5, with_file_cache=True, cache_dir=str(tmp_path)):
        pass
    with CacheDataSource(str(tmp_path)) as cached:
        for source in (SimpleDataSource(lambda i: (np.float32([i, 2 * i]), i), 10), cached):
            assert len(source) == 10 and source and len(list(source)) == 10
            loader = DataLoader(source, 4, shuffle=True, **options)
            x, y = (torch.cat(parts) for parts in zip(*loader))
            assert sorted(y.tolist()) == list(range(10)) and torch.equal(x, torch.stack([y, 2 * y], 1).float())
            with pytest.raises(IndexError, match="from 0 to 9, received 10"):
                source[10]


def test_iterator_as_dataset():
    for use_thread in (False, True):
        with data_iterator_simple(lambda i: (i, float(i)), 6, 3, use_thread=use_thread) as iterator:
            loader = DataLoader(dataset_of(iterator), batch_size=None)
            for _ in range(3):
                assert [[v.tolist() for v in batch] for batch in loader] == [[[0, 1, 2], [0.0, 1.0, 2.0]], [[3, 4, 5], [3.0, 4.0, 5.0]]]
            with pytest.raises(ValueError, match="num_workers=0"):
                list(DataLoader(dataset_of(iterator), batch_size=None, num_workers=1, multiprocessing_context="fork"))
    with data_iterator_simple(lambda i: (i,), 5, 2, stop_exhausted=True) as iterator:
        for _ in range(2):
            assert [batch[0].tolist() for batch in dataset_of(iterator)] == [[0, 1], [2, 3]]
