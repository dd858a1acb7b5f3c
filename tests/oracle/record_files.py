"""Network files across libraries: what nnabla writes for the same code, and what it computes from files written here.

Run with nnabla 1.39 under Python 3.10, with this package, and with nnabla again:

    python tests/oracle/record_files.py theirs     # texts that nnabla writes -> tests/corpus/files/*.nntxt
    python tests/oracle/record_files.py ours       # files that this package writes -> tests/corpus/files/*.nnp
    python tests/oracle/record_files.py read       # what nnabla computes from them -> tests/corpus/files/read.json

The suite checks that both libraries' texts are equal, that the package still writes the same files, and
that nnabla's predictions are its own (tests/files/test_across_libraries.py).
"""
import importlib
import json
import pathlib
import sys

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


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = sys.argv[1]
    if command == "ours":
        import nnabla_compat as library
        write(library, ".nnp", "ours_")
    else:
        import nnabla as library
        if command == "theirs":
            write(library, ".nntxt", "")
        else:
            (FOLDER / "read.json").write_text(json.dumps(read(library), indent=0))
