"""Network files across libraries: what nnabla writes for the same code, and what it computes from files written here.

Run with nnabla 1.39 under Python 3.10, with this package, and with nnabla again:

    python tests/oracle/record_files.py theirs     # texts that nnabla writes -> tests/corpus/files/*.nntxt
    python tests/oracle/record_files.py ours       # files that this package writes -> tests/corpus/files/*.nnp
    python tests/oracle/record_files.py read       # what nnabla computes from them -> tests/corpus/files/read.json

    python tests/oracle/record_files.py batches    # networks built for other batch sizes -> tests/corpus/files/batches.json

And for every recorded call of every function, through a scratch folder:

    python tests/oracle/record_files.py write-calls FOLDER    # with this package
    python tests/oracle/record_files.py read-calls FOLDER     # with nnabla -> tests/corpus/files/calls.json

The suite checks that both libraries' texts are equal, that the package still writes the same files, and
that nnabla's predictions are its own (tests/files/test_across_libraries.py).
"""
import importlib
import json
import pathlib
import sys
import tempfile

import numpy as np

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]
from files import scenarios  # noqa: E402

FOLDER = TESTS / "corpus" / "files"


def utils(nn, name):
    return importlib.import_module(f"{nn.__name__}.utils.{name}")


def write(nn, extension, prefix):
    for name in scenarios.SCENARIOS:
        contents, variable = scenarios.prepare(nn, name)
        utils(nn, "save").save(str(FOLDER / f"{prefix}{name}{extension}"), contents, variable_batch_size=variable,
                               include_solver_state=extension == ".nnp")


def predictions(nn, file, network, batch_size=None):
    """Outputs of a network in a file, for fixed inputs, by name."""
    nn.clear_parameters()
    nn.seed(5)
    net = utils(nn, "nnp_graph").NnpLoader(str(file)).get_network(network, batch_size=batch_size)
    for name, v in net.inputs.items():
        v.d = scenarios.inputs(name, v.shape)
    ys = list(net.outputs.values())
    nn.forward_all(ys)
    return {name: np.array(y.d) for name, y in net.outputs.items()}


def read(nn):
    found = {}
    for name, (_, variable) in scenarios.SCENARIOS.items():
        file = FOLDER / f"ours_{name}.nnp"
        for network in utils(nn, "nnp_graph").NnpLoader(str(file)).get_network_names():
            for batch_size in (None, 6) if variable else (None,):
                found[f"{name} {network} {batch_size}"] = {
                    k: [list(a.shape), a.ravel().tolist()] for k, a in predictions(nn, file, network, batch_size).items()}
        nn.clear_parameters()
        info = utils(nn, "load").load(str(file), prepare_data_iterator=False)
        found[f"{name} info"] = {
            "executors": {k: [sorted(v.name for v in e.dataset_assign), [v.name for v in e.output_assign]]
                          for k, e in info.executors.items()},
            "optimizers": {k: [o.solver.name, o.solver.info, sorted(o.parameters)] for k, o in info.optimizers.items()}}
    return found


def write_calls(nn, folder):
    """A network file for each recorded call, with inputs and outputs beside it."""
    from files.test_round_trip import exists, fresh, leaves_of, reader, run
    from nnabla_compat.core import graph_def
    from nnabla_compat.engine import tape
    from nnabla_compat.registry import OPERATORS
    from oracle import drive
    from oracle.cases import CASES
    folder.mkdir(parents=True, exist_ok=True)
    index = []
    for function in filter(exists, CASES):
        for case in CASES[function]:
            entry = reader(function).entries.get(case.key)
            if entry is None or case.bad or any(k in entry for k in ("died", "raises", "unsupported", "no_reference")):
                continue
            nn.seed(drive.STREAM_SEED)
            ys = drive.listed(drive.call(nn, case, fresh([reader(function).get(r) for r in entry["inputs"]])))
            ys = list({id(y.data): y for y in ys}.values())
            types = [f.name for f in tape.ordered_functions(ys)]
            if any(y.parent is None for y in ys) or any(t not in OPERATORS or t == "Sink" for t in types):
                continue
            inputs = {f"in{i}": v for i, v in enumerate(leaves_of(ys))}
            outputs = {f"out{i}": v for i, v in enumerate(ys)}
            arrays = {k: np.array(v.d) for k, v in inputs.items()}
            graph = graph_def.create_graph_from_variable("net", ys, {**inputs, **outputs})
            graph_def.save(str(folder / f"{len(index)}.nntxt"), [graph], variable_batch_size=False)
            arrays.update(zip(outputs, run(ys)))
            np.savez(folder / f"{len(index)}.npz", **arrays)
            index.append([function, case.key, types, bool(case.random)])
    (folder / "index.json").write_text(json.dumps(index))


def read_calls(nn, folder):
    """Types of functions that nnabla read and computed equally, with the number of calls; and what went wrong."""
    index, equal, different = json.loads((folder / "index.json").read_text()), {}, {}
    for i, (_, key, types, random) in enumerate(index):
        try:
            nn.clear_parameters()
            arrays = dict(np.load(folder / f"{i}.npz"))
            graph = nn.graph_def.load(str(folder / f"{i}.nntxt"))
            network = graph.default_graph()
            graph(*[nn.Variable.from_numpy_array(arrays[name]) for name in network.inputs])
            names = [name for name in arrays if name.startswith("out")]
            ys = [network.variables[name].variable_instance for name in names]
            nn.seed(412)
            nn.forward_all(ys)
            for name, y in zip(names, ys):
                assert y.d.shape == arrays[name].shape, f"shape {y.d.shape}"
                assert random or np.allclose(y.d, arrays[name], 1e-4, 1e-5, equal_nan=True), "other values"
            for type_ in set(types):
                equal[type_] = equal.get(type_, 0) + 1
        except Exception as error:
            different[key] = str(error).strip().splitlines()[-1]
    return {"equal": dict(sorted(equal.items())), "different": different}


def record_batches(nn):
    from files import batches
    with tempfile.TemporaryDirectory() as folder:
        found = {f"{name} {variable}": batches.results(nn, name, variable, f"{folder}/net.nnp")
                 for name in batches.NETWORKS for variable in (True, False)}
    lines = ",\n".join(f"{json.dumps(key)}: {_rounded(entry)}" for key, entry in found.items())
    (FOLDER / "batches.json").write_text("{" + lines + "}\n")


def _rounded(value):
    return json.dumps(json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.6g}")))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = sys.argv[1]
    if command == "write-calls":
        import nnabla_compat as library
        write_calls(library, pathlib.Path(sys.argv[2]))
    elif command == "read-calls":
        import nnabla as library
        (FOLDER / "calls.json").write_text(json.dumps(read_calls(library, pathlib.Path(sys.argv[2])), indent=0))
    elif command == "ours":
        import nnabla_compat as library
        write(library, ".nnp", "ours_")
    else:
        import nnabla as library
        if command == "theirs":
            write(library, ".nntxt", "")
        elif command == "batches":
            record_batches(library)
        else:
            (FOLDER / "read.json").write_text(json.dumps(read(library), indent=0))
