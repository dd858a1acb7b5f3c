"""The decorator for users' own parametric functions, and what all of them share."""
import inspect
import subprocess
import sys

import numpy as np
import pytest

import nnabla_compat as nn
import nnabla_compat.functions as F
import nnabla_compat.parametric_functions as PF
from nnabla_compat import parameter
from nnabla_compat.parametric_functions import api


@pytest.fixture(autouse=True)
def clean_registry():
    nn.clear_parameters()
    yield
    assert parameter.current_scope is parameter.root_scope
    nn.clear_parameters()


def x(*shape):
    return nn.Variable.from_numpy_array(np.ones(shape or (2, 3), np.float32))


def names():
    return list(nn.get_parameters(grad_only=False))


@PF.parametric_function_api("scale", [("s", "Scale of each channel", "(channels,)", True)])
def scale(inp, s_init=None, fix_parameters=False):
    """Multiply channels.

    Args:
        inp: Array.
    """
    s = PF.get_parameter_or_create("s", (inp.shape[1],), s_init, True, not fix_parameters)
    return inp * F.reshape(s, (1, -1))


def test_users_function():
    y = scale(x(), np.float32([1, 2, 3]))
    y.forward()
    np.testing.assert_array_equal(y.d, [[1, 2, 3]] * 2)
    scale(x(), name="a/b")
    scale(x(), None, False, "positional")
    with nn.parameter_scope("outer"):
        scale(x(), name="n")
    assert names() == ["scale/s", "a/b/scale/s", "positional/scale/s", "outer/n/scale/s"]
    assert not scale(x(), fix_parameters=True).parent.inputs[1].need_grad
    assert parameter.get_parameter("scale/s").need_grad


def test_it_looks_like_the_function():
    assert str(inspect.signature(scale)) == "(inp, s_init=None, fix_parameters=False, name=None)"
    assert scale.__name__ == "scale" and scale.__module__ == __name__
    assert scale.__scope_name__ == "scale"
    assert scale.__parametric_function_api_base__ is scale.__wrapped__
    assert "``s``, shape (channels,): Scale of each channel" in scale.__doc__ and "Multiply channels" in scale.__doc__


@pytest.mark.parametrize("call", [
    lambda: scale(), lambda: scale(x(), wrong=1), lambda: scale(x(), None, False, "n", 3),
    lambda: scale(x(), None, False, "n", name="m"), lambda: scale(x(), inp=x())])
def test_wrong_calls(call):
    with pytest.raises(TypeError, match="scale"):
        call()


def test_no_docstring_is_fine():
    @PF.parametric_function_api()
    def plain(inp, *rest, fix_parameters=False, **options):
        PF.get_parameter_or_create("w", (1,))
        return rest, options

    assert plain(1, 2, 3, name="n", other=4) == ((2, 3), {"other": 4})
    assert names() == ["n/plain/w"]
    assert "plain" in plain.__doc__
    assert str(inspect.signature(plain)) == "(inp, *rest, fix_parameters=False, name=None, **options)"


def test_it_must_take_fix_parameters():
    with pytest.raises(AssertionError, match="fix_parameters"):
        @PF.parametric_function_api("f")
        def f(inp):
            pass


@pytest.mark.parametrize("description", [[("a", "b")], [3], ["abcde"]])
def test_malformed_description(description):
    with pytest.raises(ValueError, match="param_desc"):
        @PF.parametric_function_api("f", description)
        def f(inp, fix_parameters=False):
            """f"""


def test_scope_is_restored_after_exceptions():
    @PF.parametric_function_api("f")
    def f(inp, fix_parameters=False):
        raise KeyError

    with pytest.raises(KeyError):
        f(1, name="a/b")


def test_name_that_is_a_parameter():
    PF.get_parameter_or_create("taken", (1,))
    with pytest.raises(AssertionError, match="'taken'"):
        PF.affine(x(), 2, name="taken")


def test_reuse_and_other_shapes():
    PF.affine(x(2, 3), 4)
    PF.affine(x(5, 3), 4)
    assert names() == ["affine/W", "affine/b"]
    with pytest.raises(ValueError, match=r"affine.*\(3, 4\).*\(2, 4\)"):
        PF.affine(x(2, 2), 4)


def test_channels_missing():
    for function in (PF.convolution, PF.deconvolution, PF.binary_connect_convolution, PF.pruned_convolution):
        with pytest.raises(IndexError, match="base_axis"):
            function(x(3), 4, (3,), name="c")


def test_fix_parameters_and_no_grad():
    y = PF.affine(x(), 2, fix_parameters=True)
    assert [v.need_grad for v in y.parent.inputs] == [False, False, False]
    with nn.no_grad():
        y = PF.affine(x(), 2)
    assert [v.need_grad for v in y.parent.inputs] == [False, False, False]
    assert all(p.need_grad for p in nn.get_parameters().values())
    assert [v.need_grad for v in PF.affine(x(), 2).parent.inputs] == [False, True, True]


def test_lstm_cell_keeps_its_states():
    cell = PF.LSTMCell(2, 4, name="cell")
    outputs = [cell(x()) for _ in range(3)]
    assert names() == ["cell/lstm/affine/W", "cell/lstm/affine/b"]
    outputs[-1].forward()
    assert not np.array_equal(outputs[0].d, outputs[-1].d) and cell.h is outputs[-1]
    cell = PF.LSTMCell(2, 4, h=outputs[0], c=x(2, 4))
    assert cell.h is outputs[0]
    cell.reset_state()
    assert cell.h.data.zeroing and cell.c.data.zeroing


def test_lstm_called_as_its_former_self():
    with pytest.raises(ValueError, match="lstm_cell"):
        PF.lstm(x(), x(2, 4), x(2, 4), 4)


def test_old_lstm_weights_are_reshaped():
    sequence, state = x(4, 3, 5), x(1, 1, 3, 6)
    for function, states, gates in ((PF.lstm, [state, state], 4), (PF.gru, [state], 3)):
        nn.clear_parameters()
        scope = function.__scope_name__
        old = nn.Variable.from_numpy_array(np.random.randn(gates, 1, 6, 11).astype(np.float32), need_grad=True)
        parameter.set_parameter(f"{scope}/weight_l0", old)
        function(sequence, *states)
        assert parameter.get_parameter(f"{scope}/weight_l0").shape == (1, gates, 6, 11)


def test_every_function_says_what_it_takes():
    for name in set(PF.__all__) - {"LSTMCell", "get_parameter_or_create", "parametric_function_api"}:
        function = getattr(PF, name)
        for argument in inspect.signature(function.__wrapped__).parameters:
            assert argument in function.__doc__, (name, argument)
        assert "Parameters, in the scope" in function.__doc__ and "Returns:" in function.__doc__
        assert function.__module__ == "nnabla_compat.parametric_functions"
    assert set(api._SHARED_ARGUMENTS) <= {a for n in PF.__all__ for a in inspect.signature(getattr(PF, n)).parameters}


def test_values_without_seeding():
    """Initial values are nnabla's in a fresh process too: its generator starts from 313."""
    code = ("import nnabla_compat as nn, nnabla_compat.parametric_functions as PF\n"
            "PF.convolution(nn.Variable((2, 3, 5, 5)), 4, (3, 3)); PF.affine(nn.Variable((2, 3)), 2)\n"
            "p = nn.get_parameters(); print(float(p['conv/W'].d.flat[0]), float(p['affine/W'].d.flat[5]))")
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    # Printed by nnabla 1.39 running these lines.
    assert printed == ["-0.20643343031406403", "0.4346483647823334"]
