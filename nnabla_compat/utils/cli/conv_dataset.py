"""``conv_dataset``: a data set as a directory of cache files."""
import csv
import os
import shutil
from contextlib import contextmanager

from .. import progress as _progress
from ..create_cache import CreateCache
from ..data_source import DataSourceWithFileCache
from ..data_source_implements import CacheDataSource, CsvDataSource
from .utility import progress_bar


def conv_dataset_command(args):
    """Convert ``args.source``, a .csv file or .cache directory, into the directory ``args.destination``."""
    if args.num_of_threads is not None and args.num_of_threads <= 0:
        print(f"The numbers of threads [{args.num_of_threads}] must be positive integer.")
        return False
    if os.path.exists(args.destination):
        if not args.force:
            print(f"File or directory [{args.destination}] is exists use `-F` option to overwrite it.")
            return False
        if not os.path.isdir(args.destination):
            print(f"Cannot overwrite file [{args.destination}] please delete it.")
            return False
        print(f"Overwrite destination [{args.destination}].")
    extension = os.path.splitext(args.source)[1].lower()
    by_rows = extension == ".cache" or not os.path.exists(args.source)  # a CSV file elsewhere, by its address
    if extension not in (".csv", ".cache"):
        print("Command `conv_dataset` only supports CSV or CACHE as source.")
    elif by_rows and os.path.splitext(args.destination)[1].lower() != ".cache":
        print("Command `conv_dataset` only supports CACHE as destination.")
    else:
        with _replacing_directory(args.destination) as directory:
            (_convert_rows if by_rows else _convert_table)(args, directory)
    return True


@contextmanager
def _replacing_directory(path):
    """A new directory that takes the place of ``path`` once the block has filled it."""
    path = os.path.normpath(path)
    beside, old = (f"{path}.{os.getpid()}.{what}" for what in ("part", "old"))
    os.mkdir(beside)
    try:
        yield beside
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    if os.path.exists(path):
        os.rename(path, old)
    os.rename(beside, path)
    shutil.rmtree(old, ignore_errors=True)


def _announce(args, size):
    print(f"Number of Data: {size}")
    print(f"Shuffle:        {args.shuffle}")
    print(f"Normalize:      {args.normalize}")


@contextmanager
def _showing_progress():
    """Shows what the data sources report of their progress."""
    with progress_bar(100, "%", "conv_dataset") as bar:
        shown = 0

        def show(state, share):
            nonlocal shown
            bar.update(max(0, int(100 * share) - shown))
            shown = max(shown, int(100 * share))

        before, _progress.state_callback = _progress.state_callback, show
        try:
            yield
        finally:
            _progress.state_callback = before


def _convert_table(args, directory):
    source = CreateCache(args.source, shuffle=args.shuffle, num_of_threads=args.num_of_threads)
    _announce(args, source._size)
    with _showing_progress():
        source.create(directory, normalize=args.normalize)


def _convert_rows(args, directory):
    kind = CacheDataSource if os.path.isdir(args.source) else CsvDataSource
    with kind(args.source, shuffle=args.shuffle, normalize=args.normalize) as source:
        _announce(args, source.size)
        with _showing_progress(), DataSourceWithFileCache(source, cache_dir=directory, shuffle=args.shuffle):
            if kind is CacheDataSource:
                _hand_on_origin(args.source, source, directory)


def _hand_on_origin(cache, source, directory):
    """Let the new cache say, as the old one does, which rows of the original CSV file its samples are."""
    place = {entry: i for i, entry in enumerate(source._original_order)}
    rows = [place[entry] for entry in source._order]
    order, table = (os.path.join(cache, name) for name in ("order.csv", "original.csv"))
    if os.path.exists(order):
        with open(order, newline="") as f:
            known = [int(row) for _, row in sorted((int(sample), int(row)) for sample, row in csv.reader(f))]
        rows = [known[i] for i in rows]
    with open(os.path.join(directory, "order.csv"), "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows(enumerate(rows))
    if os.path.exists(table):
        shutil.copy(table, directory)


def add_conv_dataset_command(subparsers):
    parser = subparsers.add_parser("conv_dataset", help="convert a data set to cache files")
    parser.add_argument("-F", "--force", action="store_true", help="replace the destination")
    parser.add_argument("-S", "--shuffle", action="store_true", help="draw an order")
    parser.add_argument("-N", "--normalize", action="store_true", help="scale images to [0, 1]")
    parser.add_argument("-t", "--num_of_threads", type=int, help="threads that read and write, 10 by default")
    parser.add_argument("source", help="a .csv file or a .cache directory")
    parser.add_argument("destination", help="the directory to make")
    parser.set_defaults(func=conv_dataset_command)
