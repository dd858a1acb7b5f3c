"""``infer`` and ``forward``: run the executors of a network file on binary files, or on a data set."""
import csv
import io
import os

import numpy as np

from ...files.save import replacing
from ...logger import logger
from .. import callback
from .. import load as _load
from ..progress import configure_progress, progress
from .utility import (NOTICE, CommandError, compute_full_path, is_float, let_data_to_variable, progress_bar,
                      require_directory)

INFER_TYPES = ("uint8", "int32", "float32")


class Output:
    """One output of an executor: how the value of a sample is written.

    Attributes:
        name (str): Name of its data.
        values (numpy.ndarray): Values of a batch, the first axis being the samples.
        kind (str): ``"col"`` (a column per number), ``".csv"`` (a file per matrix) or ``".png"`` (image files).
        columns (int): How many columns a sample takes.
    """

    def __init__(self, name, values):
        if values.ndim == 0:
            raise CommandError(f"output '{name}' is one number for the whole batch; expected a value per sample.")
        self.name, self.values = name, values
        shape = values.shape[1:]
        if len(shape) == 2:
            self.kind, self.columns = ".csv", 1
        elif len(shape) == 3:
            self.kind, self.columns = ".png", 1 if shape[0] in (1, 3) else shape[0]
        else:
            self.kind, self.columns = "col", int(np.prod(shape, dtype=np.int64))

    def header(self):
        return [self.name] if self.columns == 1 else [f"{self.name}__{i}" for i in range(self.columns)]


def load_executors(args):
    """The info of ``args.config`` and ``args.param``, whose executors are to run."""
    files = [args.config] + ([args.param] if args.param else [])
    info = _load.load(files, prepare_data_iterator=False, batch_size=args.batch_size if args.batch_size >= 1 else None)
    if not info.executors:
        raise CommandError(f"{args.config}: expected a network file with at least one executor, it has none.")
    return info


def evaluate(executor, data):
    """Run an executor on a batch.

    Args:
        executor (Executor): From :func:`nnabla_compat.utils.load.load`.
        data (dict): Name of the data to array; reshaped as the network needs it.

    Returns:
        list of numpy.ndarray: What it puts out; over several evaluations their mean, or what the executor asks for.
    """
    for variable, name in executor.dataset_assign.items():
        if name not in data:
            raise CommandError(f"executor '{executor.proto.name}' reads '{name}', the data has: "
                               f"{', '.join(data) or 'nothing'}.")
        target, values = variable.variable_instance, data[name]
        if target.shape != values.shape:
            if target.size != values.size:
                raise CommandError(f"variable '{variable.name}' has shape {target.shape} and takes {target.size} values, "
                                   f"'{name}' has {values.size}. Pass the batch size by -b (-1: the file's own).")
            values = values.reshape(target.shape)
        let_data_to_variable(target, values, data_name=name, variable_name=variable.name)
    for variable, generator in executor.generator_assign.items():
        variable.variable_instance.d = generator(variable.variable_instance.shape)

    outputs = [variable.variable_instance for variable in executor.output_assign]
    sums, squares = [0.0] * len(outputs), [0.0] * len(outputs)
    for _ in range(executor.num_evaluations):
        executor.forward_target.forward(clear_buffer=True)
        if executor.need_back_propagation:
            executor.backward_target.backward(clear_buffer=True)
        for i, output in enumerate(outputs):
            values = np.array(output.d)
            if executor.repeat_evaluation_type == "last":
                sums[i] = values
            else:
                sums[i] = sums[i] + values
                squares[i] = squares[i] + values ** 2
    n = executor.num_evaluations
    if executor.repeat_evaluation_type == "last":
        return sums
    if executor.repeat_evaluation_type == "std":
        return [np.sqrt(np.maximum(square / n - (total / n) ** 2, 0)) for total, square in zip(sums, squares)]
    return [total / n for total in sums]


def run_executors(info, data):
    """The :class:`Output` of all executors for one batch."""
    return [Output(name, values) for executor in info.executors.values()
            for (_, name), values in zip(executor.output_assign.values(), evaluate(executor, data))]


# -- infer ---------------------------------------------------------------------------------------------

def infer(info, input_data):
    """Run all executors on arrays.

    Args:
        info (Info): From :func:`nnabla_compat.utils.load.load`.
        input_data (list of numpy.ndarray): One for each input of each executor.

    Returns:
        The outputs' descriptions, and a list of numbers for each sample.
    """
    names = [name for executor in info.executors.values() for name in executor.dataset_assign.values()]
    if len(input_data) < len(names):
        raise CommandError(f"expected {len(names)} inputs ({', '.join(names)}), received {len(input_data)}.")
    data = {}
    for name, values in zip(names, input_data):
        data.setdefault(name, values)
    outputs = run_executors(info, data)
    return outputs, [np.concatenate([output.values[i].reshape(-1) for output in outputs])
                     for i in range(min(len(output.values) for output in outputs))]


def infer_command(args):
    """Run on raw binary files and write a raw binary file for each sample."""
    if args.data_type not in INFER_TYPES:
        logger.critical('Type is one of ("uint8", "int32" or "float32").')
        return False
    inputs = [np.fromfile(name, _type_of(name, args.data_type)) for name in args.inputs]
    _, samples = infer(load_executors(args), inputs)
    if args.output is not None:
        for i, values in enumerate(samples):
            with replacing(f"{args.output}_{i}.bin") as f:
                f.write(values.astype(np.float32).tobytes())
    return True


def _type_of(file_name, data_type):
    """nnabla lets a file's name overrule the default type."""
    if data_type == "float32":
        data_type = next((name for name in ("int32", "uint8") if name in file_name), data_type)
    return np.dtype(data_type)


# -- forward -------------------------------------------------------------------------------------------

def forward_command(args):
    """Run on a data set, and write its CSV file with the outputs as further columns."""
    if not args.dataset:
        raise CommandError("expected a data set: give a .csv file or a .cache directory by -d.")
    require_directory(args.outdir, "-o")
    callback.update_status(args)
    configure_progress(os.path.join(args.outdir, "progress.txt"))
    info = load_executors(args)
    normalize = _normalization(info, args.dataset)
    header, rows, make_iterator = _open_dataset(args)
    batch_size = args.batch_size if args.batch_size >= 1 else next(iter(info.executors.values())).network.batch_size

    callback.update_status(("data.max", len(rows)))
    callback.update_status(("data.current", 0))
    callback.update_status("processing", True)
    result = os.path.join(args.outdir, args.outfile)
    with replacing(result) as binary, make_iterator(batch_size, normalize) as iterator, \
            progress_bar(iterator.size, "sample", "forward") as bar:
        text = io.TextIOWrapper(binary, "utf-8", newline="", write_through=True)
        _write_result(args, info, header, rows, iterator, text, bar)
        text.detach()
    callback.process_evaluation_result(args.outdir, result)
    logger.log(NOTICE, "Forward Completed.")
    progress(None)
    callback.update_status(("output_result.csv_header", ",".join(header)))
    callback.update_status(("output_result.column_num", len(header)))
    callback.update_status(("output_result.data_num", len(rows)))
    callback.update_status("finished")
    return True


def _write_result(args, info, header, rows, iterator, text, bar):
    writer = csv.writer(text, lineterminator="\n")
    done = 0
    while done < iterator.size:
        batch = iterator.next()
        outputs = run_executors(info, dict(zip(iterator.variables, batch)))
        if done == 0:
            for output in outputs:
                header += ["Uncertainty(Std)"] if output.columns == 1 and _last_of(info) == "std" else output.header()
            writer.writerow(header)
        count = min(len(batch[0]), len(rows) - done)
        for i in range(count):
            cells = [cell for number, output in enumerate(outputs) for cell in _cells(args, number, output, i, done + i)]
            writer.writerow(rows[done + i] + cells)
        done += len(batch[0])
        bar.update(count)
        seen = min(done, len(rows))
        callback.update_status(("data.current", seen))
        callback.update_forward_time()
        callback.update_status()
        progress("Forward", seen / max(1, len(rows)))
        logger.log(NOTICE, "data %d / %d", seen, len(rows))


def _last_of(info):
    return list(info.executors.values())[-1].repeat_evaluation_type


def _cells(args, number, output, i, sample):
    """The cells of one output of one sample; matrices and images become files beside the result."""
    values = output.values[i]
    if output.kind == "col":
        return [str(value) for value in values.reshape(-1)]
    cells = []
    for part in range(output.columns):
        name = os.path.join(f"{number}_{sample // 1000:04d}",
                            (f"{part}_" if output.columns > 1 else "") + f"{sample}{output.kind}")
        path = os.path.join(args.outdir, args.result_outdir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if output.kind == ".csv":
            with open(path, "w", newline="") as f:
                csv.writer(f, lineterminator="\n").writerows([str(value) for value in row] for row in values)
        else:
            _write_image(path, values if output.columns == 1 else values[part:part + 1])
        cells.append(os.path.join(".", args.result_outdir, name))
    return cells


def _write_image(path, values):
    from ..image_utils import imsave
    pixels = (values.astype(np.float32) * 255.).clip(0, 255).astype(np.uint8)
    imsave(path, pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def _normalization(info, dataset):
    """Whether images are scaled to [0, 1]: as the file's data set of this name says, and all executors want it."""
    normalize = True
    for known in info.datasets.values():
        if dataset in (known.uri, known.cache_dir):
            normalize = known.normalize
    return normalize and not any(executor.no_image_normalization for executor in info.executors.values())


def _open_dataset(args):
    """Header and rows of the data set's CSV file, in the order of its samples, and a function that opens an iterator."""
    from ..data_iterator import data_iterator_cache, data_iterator_csv_dataset
    extension = os.path.splitext(args.dataset)[1]
    if extension == ".csv":
        header, rows = _read_table(args.dataset)
        root = os.path.abspath(os.path.dirname(args.dataset)) if args.replace_path else "."
        rows = [[cell if header[i][:1] == "#" else _with_path(root, cell) for i, cell in enumerate(row)]
                for row in rows if row]

        def make(batch_size, normalize):
            return data_iterator_csv_dataset(args.dataset, batch_size, shuffle=False, normalize=normalize,
                                             with_memory_cache=False, with_file_cache=False)
    elif extension == ".cache":
        header, rows = _read_table(os.path.join(args.dataset, "original.csv"))
        rows = [[_with_path(".", cell) for cell in row] for row in rows]
        rows = _reordered(rows, os.path.join(args.dataset, "order.csv"))

        def make(batch_size, normalize):
            return data_iterator_cache(os.path.abspath(args.dataset), batch_size, shuffle=False, normalize=normalize)
    else:
        raise CommandError(f'Unsupported extension "{extension}" in "{args.dataset}": expected .csv or .cache.')
    return header, rows, make


def _read_table(path):
    from ..data_source_loader import FileReader
    with FileReader(path).open(textmode=True, encoding="utf-8-sig") as f:
        header, *rows = csv.reader(f)
    return header, rows


def _with_path(root, cell):
    return cell if is_float(cell) else compute_full_path(root, cell)


def _reordered(rows, path):
    """Rows as the samples of a cache come: ``order.csv`` says which row each sample was."""
    if not os.path.exists(path):
        logger.warning("Cannot open %s: rows are taken to be in the cache's order.", path)
        return rows
    with open(path, newline="") as f:
        return [rows[row] for _, row in sorted((int(sample), int(row)) for sample, row in csv.reader(f))]


def add_infer_command(subparsers):
    parser = subparsers.add_parser("infer", help="run a network on raw binary files")
    parser.add_argument("-c", "--config", help="network file", required=True)
    parser.add_argument("-o", "--output", help="what the names of output files begin with")
    parser.add_argument("-p", "--param", help="parameter file")
    parser.add_argument("-t", "--data_type", help="type of the inputs: uint8, int32 or float32", default="float32")
    parser.add_argument("-b", "--batch_size", help="batch size; -1 for the file's", type=int, default=1)
    parser.add_argument("inputs", nargs="+")
    parser.set_defaults(func=infer_command)


def add_forward_command(subparsers):
    parser = subparsers.add_parser("forward", help="run a network on a data set")
    parser.add_argument("-c", "--config", help="network file", required=True)
    parser.add_argument("-p", "--param", help="parameter file")
    parser.add_argument("-d", "--dataset", help="data set, a .csv file or a .cache directory")
    parser.add_argument("-o", "--outdir", help="directory of the results", required=True)
    parser.add_argument("-f", "--outfile", help="name of the result", default="output_result.csv")
    parser.add_argument("--replace_path", help="write absolute paths for the data set's files", action="store_true")
    parser.add_argument("--result_outdir", help="directory, in that of the results, of output files", default="")
    parser.add_argument("-b", "--batch_size", help="batch size; -1 for the file's", type=int, default=-1)
    parser.set_defaults(func=forward_command)
