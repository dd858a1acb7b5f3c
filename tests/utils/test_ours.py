"""What the utilities do beyond, or in place of, the original's."""
import logging

import numpy as np
import pytest
import torch

import nnabla_compat as nn
import nnabla_compat.functions as F
from nnabla_compat.utils import nvml, rnn
from nnabla_compat.utils.dlpack import from_dlpack, to_dlpack


def test_dlpack_with_torch_shares_memory_both_ways():
    a = nn.NdArray.from_numpy_array(np.ones((2, 3), np.float32))
    t = torch.from_dlpack(to_dlpack(a))
    t.add_(1)
    assert (a.data == 2).all()
    u = torch.zeros(4)
    b = from_dlpack(u)
    b.data[...] = 3
    assert (u == 3).all() and from_dlpack(np.arange(3)).data.dtype == np.int64


def test_dlpack_of_a_parameter_is_its_memory():
    nn.clear_parameters()
    p = nn.parameter.get_parameter_or_create("p", (2,), np.float32([1, 2]))
    torch.from_dlpack(to_dlpack(p.data)).mul_(2)
    np.testing.assert_array_equal(p.d, [2, 4])


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize("lengths", [[4, 3, 1], [1, 4, 3]])
def test_packing_and_gradients_in_both_modes(auto, lengths):
    """The original can't build this in static mode, and loses the gradients of all but the last sequence."""
    with nn.auto_forward(auto):
        xs = [nn.Variable.from_numpy_array(np.full((n, 2), n, np.float32), need_grad=True) for n in lengths]
        packed = rnn.pack_sequence(xs, enforce_sorted=lengths[0] == 4)
        y, found = rnn.pad_packed_sequence(packed, batch_first=True, total_length=6)
        loss = F.sum(y * y)
        F.sink(loss, found).forward()
    loss.backward()
    assert y.shape == (3, 6, 2)
    np.testing.assert_array_equal(found.d, lengths)
    for x, n in zip(xs, lengths):
        np.testing.assert_array_equal(x.g, 2 * x.d)


def test_packed_sequence_prints():
    assert str(rnn.PackedSequence()) == "data=None, batch_sizes=None, sorted_indices=None, unsorted_indices=None"


def test_swap_scheduler_says_once_that_it_does_nothing(caplog, monkeypatch):
    from nnabla_compat import lms
    monkeypatch.setattr(lms, "_SAID", False)
    monkeypatch.setattr(lms.logger, "propagate", True)
    ctx = nn.Context()
    with caplog.at_level(logging.WARNING):
        scheduler = lms.SwapInOutScheduler(ctx, ctx, size=100, prefetch_size=10)
        lms.SwapInOutScheduler(ctx, ctx, 100)
    assert sum("moves nothing" in r.getMessage() for r in caplog.records) == 1
    x = nn.Variable((2,), need_grad=True)
    y = F.sum(x * x)
    with scheduler:
        y.forward(function_pre_hook=scheduler.function_pre_hook, function_post_hook=scheduler.function_post_hook)
        y.backward()
    scheduler.update_pre_hook()
    scheduler.update_post_hook()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a driver")
def test_nvml_without_driver_says_so():
    with pytest.raises(nvml.NVMLError, match="GPU driver|not initialized"):
        nvml.nvmlInit()
    with pytest.raises(nvml.NVMLError, match="nvmlInit"):
        nvml.nvmlDeviceGetCount()
    assert nvml.NVMLError(nvml.NVML_ERROR_LIBRARY_NOT_FOUND).value == 12


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_nvml_agrees_with_torch():
    assert nvml.nvmlInit()
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    assert nvml.nvmlDeviceGetCount() >= 1
    assert nvml.nvmlDeviceGetName(handle).decode() == torch.cuda.get_device_name(0)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    assert memory.total >= memory.used > 0 and nvml.nvmlDeviceGetUtilizationRates(handle).gpu <= 100
    nvml.nvmlShutdown()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_time_profiler_without_gpu_says_so():
    from nnabla_compat.utils.inspection import TimeProfiler
    with pytest.raises(ModuleNotFoundError, match="CUDA|GPU"):
        TimeProfiler("cudnn", "0")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_cuda_time_profiler():
    from nnabla_compat.ext_utils import get_extension_context
    from nnabla_compat.utils.inspection import TimeProfiler
    profiler = TimeProfiler("cudnn", "0")
    with nn.context_scope(get_extension_context("cudnn")):
        y = F.sum(F.exp(nn.Variable((100, 100))))
        with profiler.scope("all"):
            y.forward(function_pre_hook=profiler.pre_hook, function_post_hook=profiler.post_hook)
        profiler.calc_elapsed_time()
    assert set(map(str, profiler.average()["all"])) == {"Exp", "Sum"}


def test_profiler_writes_a_chrome_trace(tmp_path):
    from nnabla_compat.utils.profiler import GraphProfiler
    x = nn.Variable((3, 4), need_grad=True)
    GraphProfiler(F.sum(F.exp(x)), 0, "cpu", backward_accum=True, n_run=1).save_chrome_trace(tmp_path / "trace.json")
    assert "aten::exp" in (tmp_path / "trace.json").read_text()


def test_operator_table_agrees_with_the_operators():
    from nnabla_compat.registry import OPERATORS
    from nnabla_compat.utils.converter import get_function_info
    for name, entry in get_function_info().items():
        op = OPERATORS[name]
        assert op.name == entry["snake_name"]
        assert [i.name for i in op.inputs] == list(entry["inputs"]), name
        known = [a.name for a in op.arguments]
        assert known == list(entry.get("arguments", {})) or set(known) >= set(entry.get("arguments", {})), name
