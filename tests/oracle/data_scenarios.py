"""What the data, monitor and image modules are asked to do, once for both libraries.

``record_data.py`` runs these scenarios on the real nnabla and keeps the results; the tests run them on this
package and compare. A scenario takes ``lib``, a function from a module path below the package to the module,
and a scratch folder. It returns what JSON can hold; arrays go through :func:`shown`.
"""
import itertools
import os
import time

import numpy as np

SCENARIOS = {}


def scenario(function):
    """Register a scenario under its name."""
    assert function.__name__ not in SCENARIOS
    SCENARIOS[function.__name__] = function
    return function


def shown(value):
    """An array as dtype, shape and values; anything else as it is."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = np.asarray(value)
        return [str(value.dtype), list(value.shape), value.ravel().tolist()]
    return value


def text(*path):
    with open(os.path.join(*path)) as file:
        return file.read()


def pixels(path):
    from PIL import Image
    with Image.open(path) as image:
        return np.array(image)


def outcome(call):
    """The call's result, or the class of the exception it raises."""
    try:
        return shown(call())
    except Exception as error:
        return "raises " + type(error).__name__


def batches(iterator, count):
    """First variable of the next batches, flat, with the epoch count after each."""
    rows = []
    for _ in range(count):
        batch = iterator.next()
        rows.append([np.asarray(batch[0]).ravel().tolist(), iterator.epoch])
    return rows


def load(i):
    return np.array([float(i), i + 0.5], np.float32), np.int32(i)


def number(i):
    return (np.array(float(i)),)


def rng(seed=7):
    return np.random.RandomState(seed)


@scenario
def simple_orders(lib, tmp):
    """Shuffle orders of data_iterator_simple over several epochs."""
    make = lib("utils.data_iterator").data_iterator_simple
    results = {}
    for n, size, shuffle, thread, memory, seed in itertools.product(
            (1, 6, 10), (1, 3, 4, 13), (False, True), (False, True), (False, True), (None, 7)):
        if seed is not None and not shuffle:
            continue
        with make(number, n, size, shuffle=shuffle, use_thread=thread, with_memory_cache=memory,
                  rng=None if seed is None else rng(seed)) as iterator:
            key = f"n={n} batch={size} shuffle={shuffle} thread={thread} memory={memory} seed={seed}"
            results[key] = batches(iterator, 12)
    return results


@scenario
def batch_contents(lib, tmp):
    """Dtypes and shapes of batches, names, sizes, positions."""
    make = lib("utils.data_iterator").data_iterator_simple
    results = {}
    for name, function in {
            "two": load, "number": number, "list": lambda i: [[i, i], i],
            "int": lambda i: (i,), "array": lambda i: np.ones((2, 3)) * i,
            "bool": lambda i: (bool(i % 2), np.uint8(i))}.items():
        with make(function, 5, 2, use_thread=False) as iterator:
            results[name] = [list(iterator.variables), iterator.size, iterator.batch_size, iterator.position,
                             [shown(array) for array in iterator.next()], iterator.position]
    return results


@scenario
def callbacks(lib, tmp):
    """Epoch callbacks: which, when, with what number."""
    make = lib("utils.data_iterator").data_iterator_simple
    results = {}
    for n, size in ((4, 2), (5, 2), (3, 7), (4, 4)):
        events = []
        with make(number, n, size, use_thread=False,
                  epoch_begin_callbacks=[lambda e: events.append(["begin", e])],
                  epoch_end_callbacks=[lambda e: events.append(["end", e])]) as iterator:
            iterator.register_epoch_begin_callback(lambda e: events.append(["begin too", e, iterator.epoch]))
            iterator.register_epoch_end_callback(lambda e: events.append(["end too", e, iterator.epoch]))
            for _ in range(6):
                iterator.next()
                events.append(["batch", iterator.epoch])
        results[f"n={n} batch={size}"] = events
    return results


@scenario
def exhaustion(lib, tmp):
    """stop_exhausted: how many batches come, and that the stop stays."""
    make = lib("utils.data_iterator").data_iterator_simple
    results = {}
    for n, size, shuffle in itertools.product((1, 4, 5, 6), (1, 2, 4, 9), (False, True)):
        with make(number, n, size, shuffle=shuffle, use_thread=False, stop_exhausted=True) as iterator:
            results[f"n={n} batch={size} shuffle={shuffle}"] = [
                [batch[0].tolist() for batch in iterator], [batch[0].tolist() for batch in iterator], iterator.epoch]
    return results


@scenario
def caches(lib, tmp):
    """Orders through file and memory caches, of a function and of a source that shuffles itself."""
    module, sources = lib("utils.data_iterator"), lib("utils.data_source")
    lib("config").nnabla_config.set("DATA_ITERATOR", "data_source_file_cache_size", "4")

    class Numbers(sources.DataSource):
        def __init__(self, size, shuffle, rng):
            super().__init__(shuffle=shuffle, rng=rng)
            self._size, self._variables = size, ("x", "y")
            self.reset()

        def reset(self):
            self._indexes = self._rng.permutation(self._size) if self._shuffle else np.arange(self._size)
            super().reset()

        def _get_data(self, position):
            i = self._indexes[position]
            return np.array([i], np.float32), np.array([i % 3], np.int32)

    results = {}
    for shuffle, memory, file, seed in itertools.product((False, True), (False, True), (False, True), (None, 5)):
        key = f"shuffle={shuffle} memory={memory} file={file} seed={seed}"
        r = (lambda: None) if seed is None else (lambda: rng(seed))
        with module.data_iterator(Numbers(10, shuffle, r()), 5, rng=r(), use_thread=False,
                                  with_memory_cache=memory, with_file_cache=file) as iterator:
            results["source " + key] = batches(iterator, 12)
        with module.data_iterator_simple(load, 10, 5, shuffle=shuffle, rng=r(), use_thread=False,
                                         with_memory_cache=memory, with_file_cache=file) as iterator:
            results["simple " + key] = batches(iterator, 12)
            results["dtypes " + key] = [str(array.dtype) for array in iterator.next()]
    lib("config").nnabla_config.set("DATA_ITERATOR", "data_source_file_cache_size", "100")
    return results


@scenario
def cache_folder(lib, tmp):
    """Files of a kept cache folder, and reading it back."""
    module = lib("utils.data_iterator")
    config = lib("config").nnabla_config
    config.set("DATA_ITERATOR", "data_source_file_cache_size", "4")
    results = {}
    for form in (".npy", ".h5"):
        config.set("DATA_ITERATOR", "cache_file_format", form)
        folder = os.path.join(tmp, "cache" + form)
        os.mkdir(folder)
        with module.data_iterator_simple(load, 10, 5, use_thread=False, with_file_cache=True, cache_dir=folder):
            pass
        results[form] = {name: None if name.endswith(form) else text(folder, name)
                         for name in sorted(os.listdir(folder))}
        for shuffle, memory in itertools.product((False, True), (False, True)):
            with module.data_iterator_cache(folder, 5, shuffle=shuffle, with_memory_cache=memory,
                                            use_thread=False) as iterator:
                results[f"read {form} shuffle={shuffle} memory={memory}"] = [
                    list(iterator.variables), batches(iterator, 8),
                    [str(array.dtype) for array in iterator.next()]]
    config.set("DATA_ITERATOR", "data_source_file_cache_size", "100")
    config.set("DATA_ITERATOR", "cache_file_format", ".npy")
    return results


@scenario
def concatenation(lib, tmp):
    """Several sources as one."""
    module, implements = lib("utils.data_iterator"), lib("utils.data_source_implements")
    results = {}
    for shuffle, memory in itertools.product((False, True), (False, True)):
        sources = [implements.SimpleDataSource(lambda i, k=k: (np.array(100 * k + i),), n)
                   for k, n in enumerate((3, 1, 4))]
        with module.data_iterator_concat_datasets(sources, 4, shuffle=shuffle, with_memory_cache=memory,
                                                  use_thread=False, rng=rng()) as iterator:
            results[f"shuffle={shuffle} memory={memory}"] = batches(iterator, 8)
    return results


@scenario
def slices(lib, tmp):
    """Parts of a source for several workers."""
    make = lib("utils.data_iterator").data_iterator_simple
    results = {}
    for n, parts, drop, shuffle in itertools.product((10, 12), (3, 4), (False, True), (False, True)):
        parent = make(number, n, 2, shuffle=shuffle, use_thread=False)
        settle = 0.003 if shuffle else 0  # threads of nnabla's slices race for the next order: let each finish

        def settled(value):
            time.sleep(settle)
            return value
        iterators = [settled(parent.slice(None, num_of_slices=parts, slice_pos=i, drop_last=drop))
                     for i in range(parts)]
        key = f"n={n} parts={parts} drop={drop} shuffle={shuffle}"
        results[key] = [[iterator.size for iterator in iterators],
                        [[settled(iterator.next()[0].tolist()) for iterator in iterators]
                         for _ in range(7)]]
        for iterator in iterators:
            iterator.close()
        parent.close()
    parent = make(number, 20, 2, use_thread=False)
    for key, kwargs in {
            "range": dict(slice_start=5, slice_end=9),
            "memory": dict(slice_start=5, slice_end=9, use_cache=True),
            "files": dict(num_of_slices=5, slice_pos=1, use_cache=True, cache_dir=tmp)}.items():
        part = parent.slice(None, **kwargs)
        results[key] = batches(part, 6)
        part.close()
    results["wrong"] = [parent.slice(None), parent.slice(None, num_of_slices=3),
                        parent.slice(None, num_of_slices=3, slice_pos=0, slice_start=1, slice_end=2)]
    results["files left"] = sorted(os.listdir(tmp))
    parent.close()
    return results


CSV = {
    "vector.csv": "x__0:first,x__1:second,#note,y:label\n"
                  + "".join(f"{i}.5,{-i},skip,{i % 3}\n" for i in range(11)),
    "quoted.csv": '\ufeffa,b\n"1",2e3\nnan,-inf\n',
    "order.csv": "x__1,y,x__0\n1,2,3\n4,5,6\n",
    "short.csv": "x,y\n1,2\n3\n",
    "empty.csv": "x,y\n",
    "unnamed.csv": "x,,y\n1,2,3\n",
    "missing.csv": "x\nnowhere.npy\n",
    "unknown.csv": "x\nthing.xyz\n",
    "matrix.csv": "x,y\nm.csv,1\nm.csv,2\n",
}


def write_csvs(folder):
    for name, text in CSV.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    with open(os.path.join(folder, "m.csv"), "w") as file:
        file.write("1,2\n3,4\n")
    open(os.path.join(folder, "thing.xyz"), "w").close()


@scenario
def csv_datasets(lib, tmp):
    """CSV files: orders through caches, values, errors."""
    write_csvs(tmp)
    module, implements = lib("utils.data_iterator"), lib("utils.data_source_implements")
    lib("config").nnabla_config.set("DATA_ITERATOR", "data_source_file_cache_size", "4")
    results = {}
    for shuffle, memory, file in itertools.product((False, True), repeat=3):
        with module.data_iterator_csv_dataset(
                os.path.join(tmp, "vector.csv"), 4, shuffle=shuffle, rng=rng(3), use_thread=False,
                with_memory_cache=memory, with_file_cache=file) as iterator:
            results[f"shuffle={shuffle} memory={memory} file={file}"] = [
                list(iterator.variables), batches(iterator, 12),
                [[str(array.dtype), list(array.shape)] for array in iterator.next()]]
    lib("config").nnabla_config.set("DATA_ITERATOR", "data_source_file_cache_size", "100")
    for name in CSV:
        def read(name=name):
            source = implements.CsvDataSource(os.path.join(tmp, name))
            with module.DataIterator(source, 2, use_thread=False) as iterator:
                return [repr(list(iterator.variables)), [repr(array.tolist()) for array in iterator.next()]]
        results["direct " + name] = outcome(read)
    return results


@scenario
def created_cache(lib, tmp):
    """CreateCache: the folder of files made from a CSV file."""
    write_csvs(tmp)
    lib("config").nnabla_config.set("DATA_ITERATOR", "data_source_file_cache_size", "4")
    create = lib("utils.create_cache").CreateCache
    results = {}
    for shuffle in (False, True):
        folder = os.path.join(tmp, f"made{shuffle}")
        os.mkdir(folder)
        create(os.path.join(tmp, "vector.csv"), shuffle=shuffle, rng=rng()).create(
            folder, normalize=True, cache_file_name_prefix="part")
        results[f"shuffle={shuffle}"] = {
            name: None if name.endswith(".npy") else text(folder, name)
            for name in sorted(os.listdir(folder))}
        with lib("utils.data_iterator").data_iterator_cache(folder, 4, use_thread=False) as iterator:
            results[f"read shuffle={shuffle}"] = batches(iterator, 4)
    lib("config").nnabla_config.set("DATA_ITERATOR", "data_source_file_cache_size", "100")
    return results


@scenario
def loaders(lib, tmp):
    """Extensions of paths and of files, and the loader each extension has."""
    import io
    module = lib("utils.data_source_loader")
    heads = {"png": b"\x89PNG\r\n\x1a\n....", "bmp": b"BM....", "jpg": b"\xff\xd8\xff....", "gif": b"GIF89a...",
             "wav": b"RIFF....", "dcm": b"\0" * 128 + b"DICM", "none": b"hello", "empty": b""}
    results = {"of " + name: module.get_file_extension(io.BytesIO(head)) for name, head in heads.items()}
    results.update({path: module.get_file_extension(path) for path in ("a.PNG", "b/c.tar.gz", "d", "")})
    results["loaders"] = {ext: outcome(lambda ext=ext: module.load(ext).__name__) for ext in (
        ".bmp", ".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".dcm", ".csv", ".npy", ".wav", ".xyz", "")}
    results["csv"] = shown(module.load_csv(io.BytesIO(b"1,2\n3,4\n\n")))
    results["csv shaped"] = shown(module.load_csv(io.BytesIO(b"1,2\n3,4"), shape=(4, 1)))
    results["csv bad"] = outcome(lambda: module.load_csv(io.BytesIO(b"1,a\n")))
    return results


@scenario
def monitor_texts(lib, tmp):
    """Files of series and times."""
    module = lib("monitor")
    monitor = module.Monitor(os.path.join(tmp, "a", "b"))
    values = [1, 2.5, float("nan"), 3, float("inf"), 1e-10, 123456789.0, -0.0, np.float32(0.1),
              np.array([1.0, 2.0]), np.array(7, np.int32), 1 / 3]
    for interval in (1, 2, 3, 5):
        series = module.MonitorSeries(f"my loss {interval}", monitor, interval=interval, verbose=False)
        for i, value in enumerate(values):
            # differing shapes cannot be averaged together: arrays only where they stand alone
            series.add(i, value if interval == 1 else np.mean(value))
    sparse = module.MonitorSeries("sparse", monitor, interval=10, verbose=False)
    for i in (0, 3, 9, 10, 19, 25, 40, 41):
        sparse.add(i, i)
    timer = module.MonitorTimeElapsed("my time", monitor, interval=3, verbose=False)
    for i in range(10):
        timer.add(i)
    module.MonitorSeries("nowhere", verbose=False).add(0, 1.0)
    texts = {}
    for name in sorted(os.listdir(monitor.save_path)):
        texts[name] = text(monitor.save_path, name)
        if name.endswith(".timer.txt"):  # not the times themselves
            texts[name] = [[line.split()[0], line.split()[2], len(line.split())]
                           for line in texts[name].splitlines()]
    return texts


@scenario
def monitor_images(lib, tmp):
    """Pixels of the pictures monitors write."""
    module = lib("monitor")
    monitor = module.Monitor(tmp)
    r = rng()
    for channels in (1, 2, 3, 5):
        x = r.randn(2, 3, channels, 4, 5)
        few = module.MonitorImage(f"few {channels}", monitor, interval=2, num_images=4, verbose=False)
        tile = module.MonitorImageTile(f"tile {channels}", monitor, interval=3, num_images=5, verbose=False)
        for i in range(4):
            few.add(i, x + i)
            tile.add(i, x * (i + 1))
    own = module.MonitorImageTile("own", monitor, interval=1, verbose=False, normalize_method=lambda x: x / 255.0)
    own.add(0, np.arange(2 * 3 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 3))
    few = module.MonitorImage("flat", monitor, interval=1, verbose=False)
    results = {"too few axes": outcome(lambda: few.add(0, np.zeros((3, 3)))),
               "not an array": outcome(lambda: few.add(0, [1, 2]))}
    for folder, _, names in os.walk(tmp):
        for name in names:
            path = os.path.join(folder, name)
            results[os.path.relpath(path, tmp)] = shown(pixels(path))
    for n, channels in ((1, 1), (2, 3), (5, 1), (9, 2)):
        x = r.randn(n, channels, 2, 3).round(2)
        results[f"tile_images {n} {channels}"] = shown(module.tile_images(x))
        results[f"tile_images {n} {channels} pad"] = shown(module.tile_images(x, padsize=2, padval=0.5))
    return results


def pictures():
    r = rng()
    gray, color = r.randint(0, 256, (6, 5)).astype(np.uint8), r.randint(0, 256, (6, 5, 3)).astype(np.uint8)
    return {
        "gray": gray, "gray1": gray[..., None], "color": color,
        "alpha": r.randint(0, 256, (6, 5, 4)).astype(np.uint8), "gray alpha": color[..., :2].copy(),
        "float gray": r.rand(6, 5), "float color": r.rand(6, 5, 3).astype(np.float32),
        "half": r.rand(6, 5, 3).astype(np.float16), "zero one": (gray > 100).astype(np.int64),
        "bool": gray > 100,
        "uint16": r.randint(0, 65536, (6, 5, 3)).astype(np.uint16), "int": gray.astype(np.int32),
        "negative": r.randn(6, 5), "five": r.rand(6, 5, 5), "flat": r.rand(6), "deep": r.rand(2, 3, 4, 5)}


@scenario
def image_files(lib, tmp):
    """Pictures written and read back: every kind, every option."""
    from PIL import Image
    module = lib("utils.image_utils")
    results = {"backends": module.get_available_backends()}
    for name, picture in pictures().items():
        for options in ({}, {"channel_first": True}, {"auto_scale": False}, {"as_uint16": True}):
            path = os.path.join(tmp, f"{name}.png")
            given = picture.transpose(2, 0, 1) if options.get("channel_first") and picture.ndim == 3 else picture

            def save(path=path, given=given, options=options):
                module.imsave(path, given, **options)
                return pixels(path)
            results[f"save {name} {options}"] = outcome(save)
    sources = {name: os.path.join(tmp, name + ".png") for name in ("gray", "color", "alpha", "gray alpha")}
    for name, path in sources.items():
        Image.fromarray(pictures()[name]).save(path)
    Image.fromarray(pictures()["color"]).convert("P").save(os.path.join(tmp, "palette.png"))
    Image.fromarray(pictures()["gray"] > 100).save(os.path.join(tmp, "bits.png"))
    Image.fromarray(pictures()["uint16"][..., 0]).save(os.path.join(tmp, "deep.png"))
    Image.fromarray(pictures()["color"]).save(os.path.join(tmp, "color.bmp"))
    for name in ("gray.png", "color.png", "alpha.png", "gray alpha.png", "palette.png", "bits.png", "deep.png",
                 "color.bmp"):
        path = os.path.join(tmp, name)
        for options in (
                {}, {"grayscale": True}, {"num_channels": 3}, {"num_channels": 4}, {"num_channels": 0},
                {"num_channels": 1}, {"num_channels": 2}, {"grayscale": True, "num_channels": 0},
                {"grayscale": True, "num_channels": 1}, {"grayscale": True, "num_channels": 3},
                {"channel_first": True}, {"grayscale": True, "num_channels": 1, "channel_first": True},
                {"size": (3, 4)}, {"size": (10, 12), "interpolate": "nearest", "channel_first": True},
                {"as_uint16": True}, {"return_palette_indices": True}, {"interpolate": "nope", "size": (3, 4)}):
            results[f"read {name} {options}"] = outcome(lambda: module.imread(path, **options))
    with open(sources["color"], "rb") as file:
        results["read a file"] = outcome(lambda: module.imread(file))
    results["read nothing"] = outcome(lambda: module.imread(os.path.join(tmp, "none.png")))
    results["read no image"] = outcome(lambda: module.imread(__file__))
    results["save no array"] = outcome(lambda: module.imsave(os.path.join(tmp, "x.png"), [[1]]))
    return results


@scenario
def image_resizing(lib, tmp):
    """Resizing: every kind, every interpolation."""
    module = lib("utils.image_utils")
    results = {}
    for name, picture in pictures().items():
        if name == "half":
            continue
        for interpolate in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos", "nope"):
            results[f"{name} {interpolate}"] = outcome(
                lambda: module.imresize(picture, (3, 7), interpolate=interpolate))
        if picture.ndim == 3:
            results[f"{name} channel first"] = outcome(
                lambda: module.imresize(picture.transpose(2, 0, 1), (7, 4), channel_first=True))
    results["one pixel"] = outcome(lambda: module.imresize(np.full((1, 1, 3), 9, np.uint8), (2, 3)))
    results["size a number"] = outcome(lambda: module.imresize(np.zeros((2, 2)), 3))
    results["no array"] = outcome(lambda: module.imresize([[1]], (2, 2)))
    for name in ("gray", "float color", "uint16", "int", "negative"):
        for wide in (False, True):
            results[f"scale {name} {wide}"] = outcome(lambda: module.minmax_auto_scale(pictures()[name], wide))
    common = lib("utils.image_utils.backend_events.common")
    results["constant"] = outcome(lambda: common.rescale_pixel_intensity(np.full((2, 2), 3.0), 3.0, 3.0, 0, 255))
    results["zero"] = outcome(lambda: common.rescale_pixel_intensity(np.zeros((2, 2)), 0, 0, 0, 255))
    for name in ("gray", "float color", "uint16"):
        for wide in (False, True):
            results[f"upscale {name} {wide}"] = outcome(
                lambda: common.upscale_pixel_intensity(pictures()[name], wide))
            results[f"check {name} {wide}"] = outcome(
                lambda: common.check_type_and_cast_if_necessary(pictures()[name], wide))
    return results


@scenario
def audio(lib, tmp):
    """Audio written, read and resized (nnabla needs pydub for it)."""
    module = lib("utils.audio_utils")
    common = lib("utils.audio_utils.common")
    r = rng()
    sounds = {"mono": r.randint(-3000, 3000, (20, 1)).astype(np.int16),
              "stereo": r.randint(-3000, 3000, (20, 2)).astype(np.int16),
              "bytes": r.randint(0, 256, (20, 1)).astype(np.uint8),
              "long": r.randint(-2**30, 2**30, (20, 2)).astype(np.int32),
              "float": r.rand(20, 1).astype(np.float32), "double": r.rand(20, 1), "flat": np.zeros(3, np.int16)}
    results = {}
    for name, sound in sounds.items():
        for first in (False, True):
            path = os.path.join(tmp, f"{name}{first}", "x.wav")

            def save():
                module.ausave(path, sound.T if first else sound, channel_first=first, frame_rate=8000)
                return module.auread(path, channel_first=first)
            results[f"save {name} first={first}"] = outcome(save)
        for kind in (np.uint8, np.int16, np.float32, np.float64):
            results[f"scale {name} {kind.__name__}"] = outcome(
                lambda: module.minmax_auto_scale(sound, kind))
    for name in ("mono", "stereo"):
        for size in ((20, 1), (10, 1), (33, 1), (7, 2), (47, 2), (20, 3)):
            results[f"resize {name} {size}"] = outcome(lambda: module.auresize(sounds[name], size))
        results[f"resize {name} first"] = outcome(
            lambda: module.auresize(sounds[name].T, (5, 1), channel_first=True))
    results["resize number"] = outcome(lambda: module.auresize(sounds["mono"], 5))
    results["resize list"] = outcome(lambda: module.auresize([[1]], (5, 1)))
    results["save list"] = outcome(lambda: module.ausave(os.path.join(tmp, "x.wav"), [[1]]))
    results["save mp3"] = outcome(lambda: module.ausave(os.path.join(tmp, "x.mp3"), sounds["mono"]))
    results["read txt"] = outcome(lambda: module.auread(__file__))
    sounds["mono"].tofile(os.path.join(tmp, "x.raw"))
    results["read raw without format"] = outcome(lambda: module.auread(os.path.join(tmp, "x.raw")))
    results["no backend"] = outcome(lambda: module.set_backend("nothing"))
    results["constant"] = outcome(lambda: common.rescale_intensity(np.full((2, 1), 3.0), 3.0, 3.0, 0, 255))
    return results


@scenario
def extensions(lib, tmp):
    """Contexts of extensions, and what is said of missing ones."""
    module = lib("ext_utils")

    def context(*args, **kw):
        found = module.get_extension_context(*args, **kw)
        return [list(found.backend), found.array_class, found.device_id]

    cpu = module.import_extension_module("cpu")
    return {
        "cpu": context("cpu"), "cpu half": context("cpu", type_config="half"),
        "cpu device": context("cpu", device_id="3"), "cpu bad": outcome(lambda: context("cpu", type_config="nope")),
        "cudnn": outcome(lambda: context("cudnn", device_id=0)), "cuda": outcome(lambda: context("cuda")),
        "cuda.cudnn": outcome(lambda: context("cuda.cudnn")), "nothing": outcome(lambda: context("nothing")),
        "import cudnn": outcome(lambda: module.import_extension_module("cudnn")),
        "list has cpu": "cpu" in module.list_extensions(),
        "devices": [cpu.get_device_count(), list(cpu.get_devices()), list(cpu.array_classes())],
        "calls": [cpu.clear_memory_cache(), cpu.synchronize(), cpu.device_synchronize(cpu.get_devices()[0])],
    }
