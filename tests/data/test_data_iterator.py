"""What iterators promise beyond nnabla's orders: no sample lost or repeated, errors surface, threads end."""
import gc
import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from nnabla_compat.config import nnabla_config
from nnabla_compat.utils.data_iterator import (DataIterator, data_iterator, data_iterator_cache,
                                               data_iterator_concat_datasets, data_iterator_csv_dataset,
                                               data_iterator_simple)
from nnabla_compat.utils.data_source import (DataSource, DataSourceWithFileCache, DataSourceWithFileCacheError,
                                             DataSourceWithMemoryCache)
from nnabla_compat.utils.data_source_implements import (CacheDataSource, ConcatDataSource, CsvDataSource,
                                                        SimpleDataSource)


@pytest.fixture(autouse=True)
def settings():
    kept = dict(nnabla_config["DATA_ITERATOR"])
    yield nnabla_config["DATA_ITERATOR"]
    for key, value in kept.items():
        nnabla_config.set("DATA_ITERATOR", key, value)


def run_script(script):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": root}, cwd=script.parent)


def iterator_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("nnabla-")]


class Numbers(DataSource):
    """0, 1, 2, ... in an order of its own."""

    def __init__(self, size, shuffle=False, rng=None):
        super().__init__(shuffle=shuffle, rng=rng)
        self._size, self._variables = size, ("x",)
        self.reset()

    def reset(self):
        self._indexes = self._rng.permutation(self._size) if self._shuffle else np.arange(self._size)
        super().reset()

    def _get_data(self, position):
        return (np.array(self._indexes[position], np.int64),)


def stream(iterator, samples):
    """So many samples, one after the other."""
    batches = [iterator.next()[0].ravel() for _ in range(-(-samples // iterator.batch_size))]
    return np.concatenate(batches)[:samples]


def assert_whole_epochs(numbers, size):
    for epoch in numbers[:len(numbers) // size * size].reshape(-1, size):
        assert np.array_equal(np.sort(epoch), np.arange(size))


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("use_thread", [False, True])
def test_no_sample_is_lost_or_repeated_over_a_thousand_epochs(use_thread, memory):
    rng = np.random.RandomState(0)
    for _ in range(25):
        size, batch = rng.randint(1, 30, 2)
        shuffle = bool(rng.randint(2))
        with data_iterator(Numbers(size, shuffle), batch, use_thread=use_thread,
                           with_memory_cache=memory) as iterator:
            assert_whole_epochs(stream(iterator, size * 40), size)
            assert iterator.epoch == -(-size * 40 // batch) * batch // size


def test_no_sample_is_lost_or_repeated_by_any_kind_of_source(tmp_path, settings):
    rng = np.random.RandomState(1)
    for round_ in range(12):
        size, batch, file_rows = (int(n) for n in rng.randint(1, 25, 3))
        nnabla_config.set("DATA_ITERATOR", "data_source_file_cache_size", str(file_rows))
        nnabla_config.set("DATA_ITERATOR", "cache_file_format", [".npy", ".h5"][round_ % 2])
        table = tmp_path / f"{round_}.csv"
        table.write_text("x\n" + "".join(f"{i}\n" for i in range(size)))
        folder = tmp_path / f"{round_}.cache"
        folder.mkdir()
        options = dict(shuffle=True, rng=np.random.RandomState(round_), use_thread=bool(rng.randint(2)))
        half = size // 2
        makers = {
            "csv": lambda: data_iterator_csv_dataset(str(table), batch, cache_dir=str(folder), **options),
            "cache": lambda: data_iterator_cache(str(folder), batch, **options),
            "cache on disk": lambda: data_iterator_cache(str(folder), batch, with_memory_cache=False, **options),
            "concat": lambda: data_iterator_concat_datasets(
                [Numbers(half), SimpleDataSource(lambda i: (np.array(half + i),), size - half)], batch, **options),
            "files": lambda: data_iterator(Numbers(size, True), batch, with_memory_cache=False, with_file_cache=True),
        }
        for kind, make in makers.items():
            with make() as iterator:
                assert_whole_epochs(stream(iterator, size * 6), size)


def test_simple_iterator_loses_nothing_when_batches_fit():
    rng = np.random.RandomState(2)
    for _ in range(20):
        batch, batches = rng.randint(1, 8, 2)
        with data_iterator_simple(lambda i: (i,), batch * batches, batch, shuffle=True) as iterator:
            assert_whole_epochs(stream(iterator, batch * batches * 20), batch * batches)


def test_slices_share_out_the_samples():
    rng = np.random.RandomState(3)
    for _ in range(10):
        batch, batches, parts = rng.randint(1, 6, 3)
        size = batch * batches * parts
        parent = data_iterator_simple(lambda i: (i,), size, int(batch), shuffle=True, use_thread=False)
        iterators = [parent.slice(None, num_of_slices=int(parts), slice_pos=i) for i in range(parts)]
        for _ in range(5):
            epoch = np.concatenate([iterator.next()[0] for _ in range(batches) for iterator in iterators])
            assert np.array_equal(np.sort(epoch), np.arange(size))
        for iterator in iterators:
            iterator.close()
        parent.close()


def test_slice_of_a_memory_cache_keeps_samples_apart():
    parent = data_iterator(Numbers(12), 2, use_thread=False)
    late, early = (parent.slice(None, slice_start=start, slice_end=start + 4) for start in (8, 0))
    for _ in range(2):
        assert stream(late, 4).tolist() == [8, 9, 10, 11]
        assert stream(early, 4).tolist() == [0, 1, 2, 3]
    late.close()
    early.close()
    parent.close()


@pytest.mark.parametrize("use_thread", [False, True])
def test_exceptions_of_the_source_surface_and_lose_no_sample(use_thread):
    failures = {3, 7, 8}

    def load(i):
        if i in failures:
            failures.remove(i)
            raise OSError(f"no sample {i}")
        return (i,)

    with data_iterator_simple(load, 10, 4, use_thread=use_thread) as iterator:
        seen, errors = [], []
        while len(seen) < 20:
            try:
                seen.extend(iterator.next()[0].tolist())
            except OSError as error:
                errors.append(str(error))
    assert seen == [*range(10), *range(10)]
    assert errors == ["no sample 3", "no sample 7", "no sample 8"]


@pytest.mark.parametrize("use_thread", [False, True])
def test_exhausted_iterator_stays_so_until_reset(use_thread):
    with data_iterator_simple(lambda i: (i,), 7, 3, use_thread=use_thread, stop_exhausted=True) as iterator:
        assert [batch[0].tolist() for batch in iterator] == [[0, 1, 2], [3, 4, 5]]
        with pytest.raises(StopIteration):
            iterator.next()
        iterator._reset()
        assert [batch[0].tolist() for batch in iterator] == [[0, 1, 2], [3, 4, 5]]


def test_thread_ends_when_closed_or_dropped():
    with data_iterator_simple(lambda i: (i,), 4, 2) as iterator:
        iterator.next()
        assert iterator_threads()
    assert not iterator_threads()
    iterator.close()  # a second time is fine
    assert stream(iterator, 4).tolist() == [2, 3, 0, 1]  # goes on, without a thread

    iterator = data_iterator_simple(lambda i: (i,), 4, 2)
    iterator.next()
    threads, gone = iterator_threads(), weakref.ref(iterator)
    del iterator
    for thread in threads:
        thread.join(5)
    gc.collect()
    assert gone() is None and not iterator_threads()


def test_an_open_iterator_does_not_keep_the_interpreter_alive(tmp_path):
    script = tmp_path / "leave.py"
    script.write_text(
        "import os, numpy as np\n"
        "from nnabla_compat.utils.data_iterator import data_iterator_simple\n"
        "it = data_iterator_simple(lambda i: (np.array(i),), 10, 3, with_file_cache=True)\n"
        "it.next()\n"
        "print(it._data_source._cache_dir, os.path.isdir(it._data_source._cache_dir))\n")
    done = run_script(script)
    assert done.returncode == 0, done.stderr
    folder, existed = done.stdout.split()
    assert existed == "True" and not os.path.exists(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_goes_on_without_the_thread(tmp_path):
    script = tmp_path / "fork.py"
    script.write_text(
        "import os\n"
        "from nnabla_compat.utils.data_iterator import data_iterator_simple\n"
        "it = data_iterator_simple(lambda i: (i,), 6, 2)\n"
        "it.next(), it._batch.result()\n"
        "child = os.fork()\n"
        "seen = [it.next()[0].tolist() for _ in range(3)]\n"
        "if child:\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "assert seen == [[2, 3], [4, 5], [0, 1]], seen\n")
    done = run_script(script)
    assert done.returncode == 0, done.stderr


def test_callbacks_run_in_the_calling_thread():
    threads = set()
    with data_iterator_simple(lambda i: (i,), 3, 2, epoch_end_callbacks=[
            lambda epoch: threads.add(threading.current_thread())]) as iterator:
        for _ in range(6):
            iterator.next()
    assert threads == {threading.current_thread()}


def test_a_source_may_have_no_data_for_a_moment():
    class Slow(Numbers):
        missing = 1

        def next(self):
            if self.missing and self._position == 2:
                self.missing -= 1
                return None
            return super().next()

    with DataIterator(Slow(6), 4, use_thread=False) as iterator:
        assert iterator.next() is None
        assert iterator.next()[0].tolist() == [0, 1, 2, 3]


def test_temporary_cache_goes_with_its_source_and_a_named_one_stays(tmp_path):
    source = DataSourceWithFileCache(Numbers(5))
    folder = source._cache_dir
    assert os.path.isdir(folder)
    source.close()
    assert not os.path.exists(folder)
    with DataSourceWithFileCache(Numbers(5), cache_dir=str(tmp_path)):
        pass
    assert sorted(os.listdir(tmp_path)) == ["cache_00000000_00000004.npy", "cache_index.csv", "cache_info.csv"]


def test_file_cache_refuses_samples_of_different_shapes():
    with pytest.raises(ValueError, match='sizes of data "x0" are not the same'):
        data_iterator_simple(lambda i: (np.zeros(i + 1),), 3, 2, with_file_cache=True)


def test_file_cache_gives_up_on_a_source_without_data():
    class Empty(Numbers):
        def _get_data(self, position):
            return None

    with pytest.raises(DataSourceWithFileCacheError, match="position 0"):
        DataSourceWithFileCache(Empty(2))


def test_large_data_sets_are_not_kept_in_memory(settings):
    nnabla_config.set("DATA_ITERATOR", "data_source_buffer_max_size", "40")
    calls = []
    source = SimpleDataSource(lambda i: (calls.append(int(i)) or np.zeros(10),), 4)
    with data_iterator(source, 4, use_thread=False) as iterator:
        calls.clear()
        for _ in range(3):
            iterator.next()
    assert calls == [0, 1, 2, 3] * 3


def test_memory_cache_reads_each_sample_once():
    calls = []
    source = SimpleDataSource(lambda i: (calls.append(int(i)) or np.zeros(1),), 4)
    with data_iterator(source, 4, use_thread=False) as iterator:
        calls.clear()
        for _ in range(3):
            iterator.next()
    assert calls == [0, 1, 2, 3]


def test_partly_filled_memory_cache_does_not_mix_orders():
    source = DataSourceWithMemoryCache(Numbers(8, shuffle=True), shuffle=True)
    source.reset()
    for _ in range(3):
        source.next()
    source.reset()
    assert sorted(int(source.next()[0]) for _ in range(8)) == list(range(8))


def test_cache_folder_may_be_relative_and_must_hold_something(tmp_path, monkeypatch, settings):
    nnabla_config.set("DATA_ITERATOR", "cache_file_format", ".h5")
    (tmp_path / "made").mkdir()
    DataSourceWithFileCache(Numbers(5), cache_dir=str(tmp_path / "made")).close()
    monkeypatch.chdir(tmp_path)
    with CacheDataSource("made") as source:
        assert [int(source.next()[0]) for _ in range(5)] == list(range(5))
    os.remove(tmp_path / "made" / "cache_index.csv")
    with CacheDataSource("made") as source:
        assert source.size == 5
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="expected cache files"):
        CacheDataSource("empty")


def test_missing_cache_file_raises(tmp_path):
    DataSourceWithFileCache(Numbers(5), cache_dir=str(tmp_path)).close()
    os.remove(tmp_path / "cache_00000000_00000004.npy")
    with CacheDataSource(str(tmp_path)) as source:
        with pytest.raises(FileNotFoundError):
            source.next()


def test_concat_takes_one_source_twice():
    source = Numbers(3)
    with ConcatDataSource([source, source], shuffle=False) as both:
        assert [int(both.next()[0]) for _ in range(6)] == [0, 1, 2, 0, 1, 2]


def test_csv_reads_files_of_every_kind(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    import wave
    color = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    Image.fromarray(color).save(tmp_path / "c.png")
    Image.fromarray(color[..., 0].copy()).save(tmp_path / "g.bmp")
    np.save(tmp_path / "v.npy", np.arange(3, dtype=np.int16))
    with wave.open(str(tmp_path / "s.wav"), "wb") as audio:
        audio.setnchannels(2)
        audio.setsampwidth(2)
        audio.setframerate(8000)
        audio.writeframes(np.arange(6, dtype="<i2").tobytes())
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "m.csv").write_text("1,2\n")
    table = tmp_path / "t.csv"
    table.write_text("color,gray,vector,sound,matrix\nc.png,g.bmp,v.npy,s.wav,sub\\m.csv\n")
    with CsvDataSource(str(table)) as source:
        c, g, v, s, m = source.next()
    assert np.array_equal(c, color.transpose(2, 0, 1)) and c.dtype == np.uint8
    assert np.array_equal(g, color[None, ..., 0])
    assert v.tolist() == [0, 1, 2] and v.dtype == np.int16
    assert s.tolist() == [[0, 1], [2, 3], [4, 5]] and s.dtype == np.int16
    assert m.tolist() == [[1.0, 2.0]]
    with CsvDataSource(str(table), normalize=True) as source:
        assert np.allclose(source.next()[0], color.transpose(2, 0, 1) / 255)
    with data_iterator_csv_dataset(str(table), 1) as iterator:
        assert [array.shape for array in iterator.next()] == [
            (1, 3, 2, 4), (1, 1, 2, 4), (1, 3), (1, 3, 2), (1, 1, 2)]


def test_pickled_objects_in_data_files_are_refused(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([{}], object))
    (tmp_path / "t.csv").write_text("x\nevil.npy\n")
    with CsvDataSource(str(tmp_path / "t.csv")) as source, pytest.raises(ValueError, match="allow_pickle"):
        source.next()


def test_a_source_without_get_data_says_so():
    class Nothing(DataSource):
        pass
    with pytest.raises(NotImplementedError, match="Nothing must define _get_data"):
        Nothing().next()
