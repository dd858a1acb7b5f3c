"""Uses of nnabla.utils, run alike on the real nnabla (to record) and on this package (to compare).

Each scenario takes the library's name and returns plain data; nothing here imports either library.
"""
import contextlib
import csv
import inspect
import io
import os
import tempfile
from importlib import import_module

import numpy as np

SCENARIOS = {}


def scenario(f):
    SCENARIOS[f.__name__] = f
    return f


def modules(library, *names):
    return [import_module(f"{library}.{name}" if name else library) for name in names]


def caught(f):
    try:
        f()
    except Exception as error:
        return type(error).__name__
    return "no error"


def var(nn, values, need_grad=True):
    return nn.Variable.from_numpy_array(np.asarray(values, np.float32), need_grad=need_grad)


def network(nn, F, PF):
    nn.clear_parameters()
    rng = np.random.RandomState(3)
    x = nn.Variable((2, 3))
    x.d = rng.randn(2, 3)
    with nn.parameter_scope("a"):
        h = PF.affine(x, 4, w_init=rng.randn(3, 4).astype(np.float32))
    h = F.relu(PF.batch_normalization(F.reshape(h, (2, 4, 1)), name="b"))
    return F.mean(h)


# -- sequences of different lengths ---------------------------------------------------------------------

def packing(library, lengths, batch_first):
    nn, F, rnn = modules(library, "", "functions", "utils.rnn")
    rng = np.random.RandomState(0)
    with nn.auto_forward():
        xs = [var(nn, rng.randn(length, 2)) for length in lengths]
        padded = rnn.pad_sequence(xs, batch_first, -1)
        packed = rnn.pack_sequence(xs, enforce_sorted=lengths == sorted(lengths, reverse=True))
        y, unpacked_lengths = rnn.pad_packed_sequence(packed, batch_first, 0., 5)
        order = packed.sorted_indices
        return (padded.d, y.d, unpacked_lengths.d, packed.data.d, packed.batch_sizes.d,
                None if order is None else [order.d.astype(int), packed.unsorted_indices.d.astype(int)],
                caught(lambda: rnn.pad_packed_sequence(packed, total_length=3)))


@scenario
def packed_sequences(library):
    return [packing(library, lengths, batch_first)
            for lengths in ([4, 3, 1], [1, 4, 3]) for batch_first in (False, True)]


@scenario
def packing_padded(library):
    nn, F, rnn = modules(library, "", "functions", "utils.rnn")
    x = np.arange(24.).reshape(4, 3, 2)
    with nn.auto_forward():
        packed = rnn.pack_padded_sequence(var(nn, x), nn.Variable.from_numpy_array(np.array([2, 4, 1])),
                                          enforce_sorted=False)
        lengths = nn.Variable.from_numpy_array(np.array([4, 2, 1]))
        first = rnn.pack_padded_sequence(var(nn, x.transpose(1, 0, 2)), lengths, batch_first=True)
        return (packed.data.d, packed.batch_sizes.d, packed.sorted_indices.d.astype(int), first.data.d,
                first.batch_sizes.d)


# -- DLPack ---------------------------------------------------------------------------------------------

@scenario
def dlpack(library):
    nn, dl, ext = modules(library, "", "utils.dlpack", "ext_utils")
    with nn.context_scope(ext.get_extension_context("cpu")):
        a = nn.NdArray.from_numpy_array(np.arange(6, dtype=np.float32).reshape(2, 3))
        target = nn.NdArray((5,))
        same = dl.from_dlpack(dl.to_dlpack(a), arr=target) == target
        capsule = dl.to_dlpack(a, np.int32)
        c = dl.from_dlpack(capsule)
        c.data[0] = 9
        seen = a.data.copy()
        a.data[1] = 7
        lazy = nn.NdArray((2,))
        lazy.zero()
        return (same, list(target.shape), target.data, str(a.dtype), seen, c.data,
                caught(lambda: dl.from_dlpack(capsule)),
                caught(lambda: dl.to_dlpack(nn.NdArray((2,)))), caught(lambda: dl.to_dlpack(lazy)),
                caught(lambda: dl.to_dlpack(nn.Variable((2,)))), caught(lambda: dl.from_dlpack(3)))


# -- profiling and inspection ---------------------------------------------------------------------------

@scenario
def printed_graph(library):
    nn, F, PF, inspection = modules(library, "", "functions", "parametric_functions", "utils.inspection")
    loss = network(nn, F, PF)
    text, summary = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(text):
        printer = inspection.pprint(loss, forward=True, hidden=True, printer=True)
    with contextlib.redirect_stdout(summary):
        nothing = inspection.pprint(loss, backward=True, summary=True)
    titles = [line.split(":")[0].strip() for line in summary.getvalue().splitlines()]
    return (text.getvalue(), titles, nothing,
            [(f["name"], [v.shape for v in f["inputs"]], [v.shape for v in f["outputs"]]) for f in printer.functions])


@scenario
def graph_profiler(library):
    nn, F, PF, S, profiler = modules(library, "", "functions", "parametric_functions", "solvers", "utils.profiler")
    loss = network(nn, F, PF)
    solver = S.Sgd()
    solver.set_parameters(nn.get_parameters())
    measured = profiler.GraphProfiler(loss, 0, "cpu", solver=solver, n_run=2)
    measured.run()
    text = io.StringIO(newline="")
    writer = profiler.GraphProfilerCsvWriter(measured, text)
    writer.write()
    rows = list(csv.reader(io.StringIO(text.getvalue())))
    is_time = [float(row[4]) > 0 for row in rows[7:] if len(row) == 8]
    cells = [[c for k, c in enumerate(row) if len(row) != 8 or k not in (4, 5)] for row in rows]
    timed = ("forward all", "backward all", "training(forward + backward + update)")
    cells = [row[:1] if row and row[0] in timed else row for row in cells]
    stats = [(s.parameter_scope, s.inputs_shape, dict(s.args_info), s.function_name, type(s.mean_time).__name__,
              s.n_run)
             for s in measured.get_result()["backward"]]
    convert = profiler.convert_time_scale
    return (is_time, cells, stats, sorted(measured.result), convert(2.5), convert(1, "n"),
            caught(lambda: convert(1, "s")),
            caught(lambda: profiler.GraphProfiler(loss, 0, "cpu", n_run=0)))


@scenario
def time_profiler(library):
    nn, F, PF, inspection = modules(library, "", "functions", "parametric_functions", "utils.inspection")
    loss = network(nn, F, PF)
    profiler = inspection.TimeProfiler("cpu", "0")
    for _ in range(3):
        with profiler.scope("there"):
            loss.forward(function_pre_hook=profiler.pre_hook, function_post_hook=profiler.post_hook)
        with profiler.scope("back"):
            loss.backward(function_pre_hook=profiler.pre_hook, function_post_hook=profiler.post_hook)
        profiler.calc_elapsed_time()
    average = profiler.average(start_index=1)
    keys = {scope: [(str(f), sorted(r), r["num"], r["scale"], bool(r["time"] >= 0)) for f, r in results.items()]
            for scope, results in average.items()}
    with tempfile.TemporaryDirectory() as folder:
        profiler.to_csv(folder)
        tables = {}
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name)) as f:
                rows = list(csv.DictReader(f))
            tables[name] = [sorted(rows[0]), [row["scope"] for row in rows]]
    return (keys, tables, sorted(profiler.get_all_results()), caught(lambda: profiler.call_post_hook("nowhere", "x")),
            caught(lambda: inspection.TimeProfiler("tpu", "0")), caught(lambda: profiler.pre_hook),
            caught(lambda: inspection.CpuTimerCallback("cpu", 0).post_hook("never started")))


@scenario
def nan_tracing(library):
    nn, F, inspection = modules(library, "", "functions", "utils.inspection")
    results = []
    for function, options in ((F.log, {}), (lambda x: F.pow_scalar(x, 0.5), {}), (F.log, {"trace_inf": False}),
                              (F.log, {"need_details": False}), (F.exp, {})):
        tracer = inspection.NanInfTracer(**options)

        def run():
            with tracer.trace():
                y = F.sum(function(var(nn, [0, 1])))
                y.forward(function_post_hook=tracer.forward_post_hook)
                y.backward(function_post_hook=tracer.backward_post_hook)

        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            error = caught(run)
        results.append((error, text.getvalue()))
    off = inspection.NanInfTracer(False, False)
    return (results, off.pre_hook, off.forward_post_hook, off.backward_post_hook, caught(lambda: off.post_hook),
            caught(lambda: inspection.FunctionHookCallbackBase().pre_hook))


@scenario
def function_profile(library):
    fp, = modules(library, "utils.function_profile")

    @fp.profile(condition=lambda n: n > 1, print_freq=2)
    def triangle(n):
        "Sum."
        return n if n < 2 else n + triangle(n - 1)

    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        results = [triangle(n) for n in (1, 3, 4, 0)]
    lines = text.getvalue().splitlines()
    plain = fp.profile(lambda: 0)
    counted = fp.profile(lambda n: n + 1)
    return (results, triangle.__name__, triangle.__doc__, lines[0], "function triangle" in lines[1] if lines else None,
            triangle.profiler.ncalls, plain.profiler.ncalls, counted(3), fp.FunctionProfile.profiling)


@scenario
def signatures(library):
    utils, = modules(library, "utils.signature_utils")

    def f(a, /, b: int = 2, *c, d=1, **e) -> int:
        pass

    s = utils.SignatureEx.from_callable(f)
    nothing = utils.SignatureEx.from_callable(lambda: 0)
    kinds = inspect.Parameter
    both = (s, nothing)
    return ([t.format_argument_signature() for t in both], [t.format_return_annotation().strip() for t in both],
            [t.format_caller_argument_signature() for t in both], str(s.add_arg("n", default=3)), str(s.drop_arg("b")),
            str(nothing.add_arg("x").add_arg("y", kinds.KEYWORD_ONLY).add_arg("z")), s.has_return_annotation,
            caught(lambda: s.drop_arg("none", True)), caught(lambda: s.drop_arg("none")),
            list(utils.param_kind_to_int.values()))


@scenario
def dtypes(library):
    d, = modules(library, "dtypes")
    return {str(k): str(np.dtype(v)) for k, v in d.int_to_np_dtype.items() if k != 13}, len(d.np_dtpye_to_int)


# -- the operator table ---------------------------------------------------------------------------------

@scenario
def operator_table(library):
    """By digest, as the table is long: a difference shows by its category."""
    import hashlib
    import json
    converter, = modules(library, "utils.converter")

    def interface(entry):
        arguments = {name: {**a, "default": str(a.get("default"))}
                     for name, a in (entry.get("arguments") or {}).items()}
        inputs = {name: {k: v for k, v in i.items() if k != "template"} for name, i in entry["inputs"].items()}
        return [entry["snake_name"], inputs, arguments, {k: dict(v, template=0) for k, v in entry["outputs"].items()}]

    digests = {}
    for category, entries in converter.get_category_info().items():
        text = json.dumps({name: interface(e) for name, e in entries.items()}, sort_keys=True)
        digests[category] = [len(entries), hashlib.sha256(text.encode()).hexdigest()]
    info = converter.get_function_info()
    return digests, list(digests), len(info), interface(info["Convolution"]), type(info).__name__
