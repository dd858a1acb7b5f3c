"""nnabla's table of formats, for code that uses it directly."""
from collections import OrderedDict

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
import nnabla_compat.solvers as S
from nnabla_compat.files import protobuf_parameters
from nnabla_compat.utils import get_file_handle as handles
from nnabla_compat.utils.save import create_proto, save


def contents():
    x = nn.Variable((2, 3))
    solver = S.Adam()
    made = {"networks": [{"name": "n", "batch_size": 2, "outputs": {"y": F.relu(PF.affine(x, 4))}, "names": {"x": x}}]}
    solver.set_parameters(nn.get_parameters())
    made["optimizers"] = [{"name": "o", "solver": solver, "network": "n", "dataset": "d", "weight_decay": 0, "lr_decay": 1,
                           "lr_decay_interval": 1, "update_interval": 1}]
    return made


def test_load_files(tmp_path):
    path = str(tmp_path / "n.nnp")
    save(path, contents(), include_solver_state=True)
    nn.clear_parameters()
    ctx = handles.FileHandlerContext()
    ctx.proto, ctx.parameter_scope = protobuf_parameters.new_message(), OrderedDict()
    handles.load_files(ctx, handles.get_initial_file_loader(), [path, str(tmp_path / "left_out.txt")])
    assert [n.name for n in ctx.proto.network] == ["n"] and list(ctx.parameter_scope) == ["affine"]
    assert list(ctx.optimizer_states_checkpoint) == ["o"] and not nn.get_parameters()
    with open(path, "rb") as file:
        handles.load_files(ctx, handles.get_parameter_file_loader(), file, extension=".nnp")


def test_save_files(tmp_path):
    ctx = handles.FileHandlerContext()
    ctx.proto, ctx.parameters = create_proto(contents()), nn.get_parameters()
    names = [str(tmp_path / f"n{e}") for e in (".nnp", ".nntxt", ".protobuf")]
    assert handles.save_files(ctx, handles.get_default_file_savers(".protobuf"), names)
    assert not handles.save_files(ctx, handles.get_default_file_savers(), str(tmp_path / "n.h5"))
    assert handles.save_files(ctx, handles.get_parameter_file_savers(), str(tmp_path / "p.h5"))
    nn.clear_parameters()
    nn.load_parameters(str(tmp_path / "p.h5"))
    assert list(nn.get_parameters()) == ["affine/W", "affine/b"]


@pytest.mark.parametrize("extension", [".nnp", ".h5", ".nntxt", ".protobuf"])
def test_handles(tmp_path, extension):
    path = str(tmp_path / ("f" + extension))
    content = {".nnp": lambda f: f.writestr("a.h5", b"x"), ".h5": lambda f: f.create_dataset("W", data=np.ones(2)),
               ".nntxt": lambda f: f.write("version: 'ä'"), ".protobuf": lambda f: f.write(b"abc")}[extension]
    with handles.get_file_handle_save(path, extension) as f:
        content(f)
    with pytest.raises(RuntimeError), handles.get_file_handle_save(path, extension):
        raise RuntimeError("on the way")
    with handles.get_file_handle_load(None, path, extension) as f:
        if extension == ".nnp":
            assert f.namelist() == ["a.h5"]
            with handles.get_file_handle_load(f, "a.h5", ".optimizer") as member:
                assert member.read() == b"x"
        elif extension == ".h5":
            assert list(f) == ["W"]
        else:
            assert f.read() in ("version: 'ä'", b"abc")
    with pytest.raises(ValueError, match="is not support"), handles.get_file_handle_load(None, path, ".txt"):
        pass


def test_states(tmp_path):
    solver = contents()["optimizers"][0]["solver"]
    solver.save_states(str(tmp_path / "s.h5"))
    found = handles.load_solve_state_from_h5(None, str(tmp_path / "s.h5"))
    assert set(found) == {"affine/W", "affine/b"} and set(found["affine/W"].pstate) == {"mean", "var"}
    solver.set_states(found)
    assert handles.get_buf_type("o_Adam_optimizer.h5.optimizer") == "h5"
