"""Thousands of damaged files: each is refused by a FileFormatError that changes nothing, or loads."""
import io
import pathlib
import random
import re
import resource
import zipfile

import numpy as np
import pytest

import nnabla_compat as nn
from nnabla_compat.core import graph_def
from nnabla_compat.files.errors import FileFormatError
from nnabla_compat.utils.load import load
from nnabla_compat.utils.nnp_graph import NnpLoader

ROOT = pathlib.Path(__file__).parent / "fixtures"
NAMES = ("nnp/mlp.nnp", "nnp/lstm_fn.nnp", "nnp/lenet_pbparam.nnp", "nnp/embed.nnp", "nnp/fixedbatch.nnp", "nnp/full_pb.nnp",
         "nnp/multi_network.nnp", "text/mlp_text_with_params.nntxt", "text/multi_proto_with_params.prototxt",
         "text/lenet_binary_with_params.protobuf", "loops/nested.nntxt", "loops/recurrent.nntxt", "loops/repeat_old.nntxt",
         "nnp/full_all.nntxt")
GROUPS, EACH = 40, 130
ODD = ("-1", "0", "1", "7", "1000000000", "9223372036854775807", "-9223372036854775808", "1e30", "nan", "inf", "-0.5")


def damaged_bytes(rng, data):
    """Bytes flipped, cut off, repeated or moved."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if not data:
            break
        i = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[i] = rng.randrange(256)
        elif kind == 1:
            data[i] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del data[i:i + rng.randrange(1, 30)]
        else:
            data[i:i] = data[rng.randrange(len(data)):][:rng.randrange(1, 30)]
    return bytes(data[:rng.randrange(len(data) + 1)] if rng.random() < 0.1 else data)


def damaged_text(rng, data):
    """Text that still parses, mostly: numbers and names changed, lines lost, doubled or exchanged."""
    lines = data.decode().splitlines()
    for _ in range(rng.choice((1, 1, 2, 4))):
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        kind = rng.randrange(6)
        if kind <= 1:
            lines[i] = re.sub(r"-?\d[\d.e+-]*$", lambda m: rng.choice(ODD), lines[i])
        elif kind == 2:
            lines[i], lines[j] = lines[j], lines[i]
        elif kind == 3:
            del lines[i]
        elif kind == 4:
            lines.insert(j, lines[i])
        else:
            value = re.search(r'"[^"]*"', lines[j])
            lines[i] = re.sub(r'"[^"]*"', lambda m: value.group() if value else '""', lines[i])
    return "\n".join(lines).encode()


def damaged(rng, name):
    data, extension = (ROOT / name).read_bytes(), pathlib.Path(name).suffix
    if extension in (".nntxt", ".prototxt"):
        return (damaged_text if rng.random() < 0.8 else damaged_bytes)(rng, data), extension
    if extension == ".nnp" and rng.random() < 0.8:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
            members = source.namelist()
            chosen = rng.choice(members[1:])
            for member in members:
                content = source.read(member)
                if member == chosen:
                    text = member.endswith(".nntxt") and rng.random() < 0.8
                    content = (damaged_text if text else damaged_bytes)(rng, content)
                target.writestr(member, content)
        return out.getvalue(), extension
    return damaged_bytes(rng, data), extension


def load_everything(file, extension):
    load(file, prepare_data_iterator=True, extension=extension)


def build_networks(file, extension):
    loader = NnpLoader(file, extension=extension)
    for name in loader.get_network_names():
        with nn.parameter_scope("", {}):
            loader.get_network(name, batch_size=3)


def build_graph(file, extension):
    graph = graph_def.load(file, extension=extension)
    graph.expand_loop_control()
    for network in graph.networks.values():
        network()


def just_parameters(file, extension):
    nn.load_parameters(file, extension=extension)


def snapshot():
    return [(k, v, v.need_grad, v.d.copy()) for k, v in nn.get_parameters(grad_only=False).items()]


def unchanged(before):
    after = snapshot()
    return len(before) == len(after) and all(
        a[0] == b[0] and a[1] is b[1] and a[2] == b[2] and np.array_equal(a[3], b[3]) for a, b in zip(before, after))


@pytest.mark.parametrize("group", range(GROUPS))
def test_damaged(group):
    rng, outcomes = random.Random(group), {}
    name = NAMES[group % len(NAMES)]
    nn.load_parameters(str(ROOT / name))
    shapes = {k: v.shape for k, v in nn.get_parameters(grad_only=False).items()}
    nn.logger.disabled = True
    try:
        for i in range(EACH):
            data, extension = damaged(rng, name)
            use = rng.choice((load_everything, load_everything, build_networks, build_graph, just_parameters))
            nn.clear_parameters()
            for key, shape in (*shapes.items(), ("elsewhere/W", (2, 2))):
                nn.parameter.get_parameter_or_create(key, shape, np.full(shape, 0.5), need_grad=False)
            before = snapshot()
            try:
                use(io.BytesIO(data), extension)
                outcomes["loaded"] = outcomes.get("loaded", 0) + 1
            except Exception as error:
                documented = isinstance(error, FileFormatError) or (
                    isinstance(error, (ValueError, AssertionError)) and use is just_parameters)  # names in use already
                if use in (build_networks, build_graph) and not documented:
                    # What a description says is only found out when it is built.
                    documented = isinstance(error, (RuntimeError, ValueError, KeyError))
                assert documented, f"{name} {group} {i} {use.__name__}: {type(error).__name__} {error}"
                assert unchanged(before), f"{name} {group} {i} {use.__name__}: a failed load changed parameters ({error})"
                outcomes["refused"] = outcomes.get("refused", 0) + 1
    finally:
        nn.logger.disabled = False
    assert outcomes.get("refused") and outcomes.get("loaded")
    print(name, outcomes)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 8 << 20  # KiB
