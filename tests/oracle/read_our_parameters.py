"""Let nnabla read parameter files that this package wrote, and record what it found.

Run first with this package, then under Python 3.10 with nnabla 1.39:

    python tests/oracle/read_our_parameters.py write
    python tests/oracle/read_our_parameters.py read

The suite checks that the package still writes the same files (tests/parameters/test_read_by_nnabla.py).
"""
import json
import os
import sys

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "corpus", "parameters")
FILES = ("ours.h5", "ours.protobuf", "module.h5")


def write(nn, folder):
    """Write parameters of all kinds with ``nn``; nothing here is random."""
    from_array = nn.Variable.from_numpy_array
    nn.clear_parameters()
    values = np.arange(24, dtype=np.float32) / 7 - 1
    for name, value, need_grad in (
            ("z/conv/W", values.reshape(2, 3, 2, 2), True), ("z/conv/b", values[:2], True),
            ("a/mean", values[:1], False),
            ("scalar", np.array(values[3]), True), ("deep/er/and/deeper/W", values.reshape(4, 6), True)):
        nn.parameter.get_parameter_or_create(name, value.shape, value, need_grad)
    for dtype in ("float64", "float16", "int32", "int64", "uint8", "bool"):
        nn.parameter.set_parameter(f"types/{dtype}", from_array(np.arange(4).astype(dtype)))
    nn.save_parameters(os.path.join(folder, "ours.h5"))
    nn.save_parameters(os.path.join(folder, "ours.protobuf"))
    nn.clear_parameters()

    class Leaf(nn.Module):
        def __init__(self, values):
            self.set_parameter("affine/W", from_array(values, need_grad=True))

    class Net(nn.Module):
        def __init__(self):
            self.one = Leaf(values.reshape(3, 8))
            self.many = [Leaf(values[:4]), {"key": Leaf(values[4:9])}]
            self.set_parameter("own/b", from_array(values[:2], need_grad=True))

    Net().save_parameters(os.path.join(folder, "module.h5"))


def read(nn, folder):
    found = {}
    for file in FILES:
        nn.clear_parameters()
        nn.load_parameters(os.path.join(folder, file))
        found[file] = [[name, list(p.shape), str(p.d.dtype), bool(p.need_grad),
                        np.asarray(p.d, np.float64).ravel().tolist()]
                       for name, p in nn.get_parameters(grad_only=False).items()]
    nn.clear_parameters()
    return found


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    if sys.argv[1] == "write":
        import nnabla_compat
        import nnabla_compat.parameter
        write(nnabla_compat, FOLDER)
    else:
        import nnabla
        with open(os.path.join(FOLDER, "read_by_nnabla.json"), "w") as f:
            json.dump(read(nnabla, FOLDER), f)
