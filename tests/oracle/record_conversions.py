"""State dicts turned back into parameter files, as nnabla reads them: the same outputs as from the original file.

Run with this package, then with nnabla 1.39 under Python 3.10, through a scratch folder:

    python tests/oracle/record_conversions.py write FOLDER
    python tests/oracle/record_conversions.py read FOLDER     # -> tests/corpus/conversions.json

Each network of the fixtures goes from its file to a state dict in the layout of torch.nn, and from that to ``.h5``,
``.protobuf`` and ``.nnp``. nnabla loads the network's graph from the original, forgets its parameters and loads those of each of these.
The suite checks that the conversion still gives the same parameters (tests/migrate/test_read_by_nnabla.py).
"""
import hashlib
import json
import pathlib
import sys

import numpy as np

TESTS = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = TESTS / "files" / "fixtures"
RECORD = TESTS / "corpus" / "conversions.json"
EXTENSIONS = (".h5", ".protobuf", ".nnp")


def networks():
    """(file, network) of all fixtures that hold their parameters."""
    entries = json.loads((FIXTURES / "manifest.json").read_text())
    return [(e["file"], n["name"]) for e in entries if e["kind"] == "network" and e.get("params_inside") for n in e["networks"]]


def name(file, extension):
    return file.replace("/", "_").replace(".", "_") + extension


def convert(file, folder):
    """Write the converted files; returns a digest of what each holds."""
    from nnabla_compat.files.load import read_parameters
    from nnabla_compat.migrate import parameter_files
    from nnabla_compat.migrate.name_map import NameMap
    source, state, names = str(FIXTURES / file), str(folder / name(file, ".pt")), str(folder / name(file, ".json"))
    parameter_files.convert(source, state, "torch", write_names=names)
    digests = {}
    for extension in EXTENSIONS:
        target = str(folder / name(file, extension))
        parameter_files.convert(state, target, "torch", NameMap.read(names), like=source)
        digest = hashlib.sha256()
        for record in read_parameters(target)[0]:
            digest.update(f"{record.name} {record.values.shape} {record.need_grad} ".encode())
            digest.update(np.ascontiguousarray(record.values, np.float32).tobytes())
        digests[extension] = digest.hexdigest()[:16]
    return digests


def outputs(nn, file, network, parameters):
    """What nnabla computes of the recorded inputs, with the parameters of another file in place of the original's."""
    from nnabla.utils.nnp_graph import NnpLoader
    loader = NnpLoader(str(FIXTURES / file))
    loaded = loader.get_network(network)
    if parameters is not None:
        with nn.parameter_scope("", loader._params):
            for p in nn.get_parameters(grad_only=False).values():
                p.d = np.nan
            nn.load_parameters(str(parameters))
    entry = next(e for e in json.loads((FIXTURES / "manifest.json").read_text()) if e["file"] == file)
    with np.load(FIXTURES / entry["io"]) as io:
        for key, v in loaded.inputs.items():
            v.d = io[f"{network}.in.{key}"]
    ys = list(loaded.outputs.values())
    nn.forward_all(ys)
    return [np.array(y.d) for y in ys]


def read(nn, folder):
    found = {}
    for file, network in networks():
        expected = outputs(nn, file, network, None)
        entry = {"digests": json.loads((folder / "digests.json").read_text())[file], "differences": {}}
        for extension in EXTENSIONS:
            ys = outputs(nn, file, network, folder / name(file, extension))
            entry["differences"][extension] = max(float(np.abs(a - b).max()) for a, b in zip(ys, expected))
        found[f"{file} {network}"] = entry
    return found


if __name__ == "__main__":
    command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if command == "write":
        sys.path.insert(0, str(TESTS.parent))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "digests.json").write_text(json.dumps({file: convert(file, folder) for file, _ in networks()}))
    else:
        import nnabla
        RECORD.write_text(json.dumps(read(nnabla, folder), indent=1) + "\n")
