"""Extensions: contexts and what is said where there is no CUDA. Contexts of the CPU: see tests/data."""
import importlib
import sys

import pytest
import torch

from nnabla_compat import ext_utils
from nnabla_compat.contrib.context import extension_context
from nnabla_compat.ext import _cuda

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("name", ["cuda", "cudnn"])
def test_missing_cuda_is_explained(name):
    for call in (lambda: ext_utils.get_extension_context(name, device_id="0"),
                 lambda: ext_utils.import_extension_module(name),
                 lambda: importlib.import_module("nnabla_compat.ext." + name)):
        with pytest.raises(ModuleNotFoundError, match=f"'nnabla_ext.{name}': .*torch") as caught:
            call()
        assert caught.value.name == "nnabla_ext." + name
    assert ext_utils.list_extensions() == ["cpu"]


def test_unknown_extension():
    with pytest.raises(ModuleNotFoundError, match="expected one of cpu, cuda, cudnn") as caught:
        ext_utils.get_extension_context("tpu")
    assert caught.value.name == "nnabla_ext.tpu"


def test_error_inside_an_extension_passes(monkeypatch):
    real = importlib.import_module

    def broken(name, package=None):
        if name == ".cpu":
            raise ModuleNotFoundError("No module named 'gone'", name="gone")
        return real(name, package)
    monkeypatch.setattr(ext_utils.importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="gone"):
        ext_utils.import_extension_module("cpu")


def test_array_class_preference():
    cpu = ext_utils.import_extension_module("cpu")
    try:
        cpu.prefer_cached_array(False)
        assert cpu.array_classes()[0] == cpu.context().array_class == "CpuArray"
        cpu.reset_array_preference()
        assert cpu.array_classes() == ["CpuArray", "CpuCachedArray", "CpuDlpackArray"]
    finally:
        cpu.prefer_cached_array(True)
    assert cpu.array_classes()[0] == "CpuCachedArray"


def test_old_path():
    assert extension_context("cpu").backend == ["cpu:float"]


@pytest.fixture
def pretended(monkeypatch):
    """The CUDA extensions as where there is a device; only what asks no device works."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("nnabla_compat.ext.cud")}
    monkeypatch.setattr(_cuda, "missing", lambda: None)
    yield
    for name in [name for name in sys.modules if name.startswith("nnabla_compat.ext.cud")]:
        del sys.modules[name]
    sys.modules.update(before)


def test_cuda_contexts(pretended):
    def fields(*args, **kw):
        context = ext_utils.get_extension_context(*args, **kw)
        return context.backend, context.array_class, context.device_id

    assert fields("cudnn") == (["cudnn:float", "cuda:float", "cpu:float"], "CudaCachedArray", "0")
    assert fields("cudnn", device_id=2, type_config="half") == (
        ["cudnn:half", "cudnn:float", "cuda:half", "cuda:float", "cpu:float"], "CudaCachedArray", "2")
    assert fields("cuda", device_id="1") == (["cuda:float", "cpu:float"], "CudaCachedArray", "1")
    assert fields("cuda.cudnn")[0][0] == "cudnn:float"
    with pytest.raises(ValueError, match="type_config"):
        ext_utils.get_extension_context("cudnn", type_config="int")
    assert ext_utils.list_extensions() == ["cpu", "cuda", "cudnn"]


@needs_cuda
@pytest.mark.parametrize("name", ["cuda", "cudnn"])
def test_cuda_module(name):
    module = ext_utils.import_extension_module(name)
    assert module.get_device_count() == len(module.get_devices()) >= 1
    module.device_synchronize("0")
    module.synchronize(device_id="0")
    module.synchronize()
    module.clear_memory_cache()
    events = module.StreamEventHandler(0)
    for _ in range(2):
        events.event_synchronize()
        torch.ones(1000, device="cuda").sum()
        events.add_default_stream_event()
    events.default_stream_synchronize()
    module.nvtx.range_push("range")
    module.nvtx.range_pop()
