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


# -- learning rates, factorization, progress ------------------------------------------------------------

@scenario
def learning_rates(library):
    """What schedulers give, in order and out of it."""
    rates, = modules(library, "utils.learning_rate_scheduler")
    makers = [lambda: rates.PolynomialScheduler(.1, 100, 2.), lambda: rates.PolynomialScheduler(.3, 70, 3),
              lambda: rates.CosineScheduler(.1, 50), lambda: rates.ExponentialScheduler(.1, .5, 3),
              lambda: rates.ExponentialScheduler(.2, .9), lambda: rates.StepScheduler(.1, .1, [10, 20]),
              lambda: rates.StepScheduler(.4, .5, [3]),
              lambda: rates.LinearWarmupScheduler(rates.CosineScheduler(.1, 50), 5),
              lambda: rates.LinearWarmupScheduler(rates.StepScheduler(.3, .1, [6, 7]), 3)]
    return [[type(make()).__name__, [float(make().get_learning_rate(i)) for i in range(0, 120, 7)],
             [float(s.get_learning_rate(i)) for s in [make()] for i in (0, 1, 2, 5, 6, 7, 8, 30, 2)]] for make in makers]


@scenario
def canonical_decomposition(library):
    """Factors of tensors; their signs and order are free, so norms and what they multiply to are compared."""
    cpd, = modules(library, "utils.factorization.cpd")
    rng = np.random.RandomState(0)
    result = []
    for rank, shape, options in ((2, (4, 5, 3), {}), (3, (6, 4, 5), {"lambda_reg": .1}), (2, (3, 3, 3), {"max_iter": 2})):
        x = sum(np.einsum("a,b,c->abc", *[rng.rand(n) for n in shape])
                for _ in range(rank))
        with contextlib.redirect_stdout(io.StringIO()):
            factors, weights = cpd.ALS().solve(x, rank, rng=np.random.RandomState(1), dtype=np.float64, **options)
        again = np.einsum("ar,br,cr,r->abc", *factors, weights)
        result.append([[f.shape for f in factors], sorted(float(f) for f in weights),
                       [float(np.linalg.norm(f)) for f in factors], float(np.abs(again - x).max() > .05)])
    return result


@scenario
def progress_reports(library):
    """What a callback hears, and that the file is empty when nothing is done."""
    progress, = modules(library, "utils.progress")
    heard = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "progress.txt")
        try:
            progress.configure_progress(path, lambda *report: heard.append(report))
            for arguments in (("reading", .25), ("writing",), (None,)):
                progress.progress(*arguments)
            with open(path) as file:
                return heard, file.read()
        finally:
            progress.state_file_name, progress.state_callback = "", None


@scenario
def profile_of_a_training_step(library):
    """Rows of the graph profiler's CSV, without times; and those of the time profiler."""
    nn, F, PF, S, profiler, inspection = modules(library, "", "functions", "parametric_functions", "solvers",
                                                 "utils.profiler", "utils.inspection")
    nn.clear_parameters()
    x, t = nn.Variable((4, 3, 8, 8)), nn.Variable((4, 1))
    x.d, t.d = 1, 0
    h = F.relu(PF.convolution(x, 4, (3, 3), name="c1"))
    loss = F.mean(F.softmax_cross_entropy(PF.affine(h, 5, name="fc"), t))
    solver = S.Sgd()
    solver.set_parameters(nn.get_parameters())
    graph = profiler.GraphProfiler(loss, device_id=0, ext_name="cpu", solver=solver, n_run=2)
    graph.run()
    with io.StringIO(newline="") as file:
        profiler.GraphProfilerCsvWriter(graph, file=file).write()
        rows = [[cell for cell in row if not is_number(cell)] for row in csv.reader(file.getvalue().splitlines())]
    timer = inspection.TimeProfiler("cpu", "0")
    for _ in range(2):
        for name, run in (("forward", loss.forward), ("backward", loss.backward)):
            with timer.scope(name):
                run(function_pre_hook=timer.pre_hook, function_post_hook=timer.post_hook)
        with timer.scope("update"):
            solver.update()
        timer.calc_elapsed_time()
    with tempfile.TemporaryDirectory() as folder:
        timer.to_csv(folder)
        tables = {}
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name)) as file:
                table = list(csv.DictReader(file))
            tables[name] = [sorted(table[0])] + [[row["scope"], row.get("original_key")] for row in table]
    return rows, tables


def is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True
