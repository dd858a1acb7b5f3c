"""Scope paths and torch names, both ways."""
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnabla_compat.interop.names import scope_path, torch_component, torch_name


@pytest.mark.parametrize("path,name", [
    ("conv1/conv/W", "conv1.conv.W"), ("@cb1/conv/W", "@cb1.conv.W"), ("@layers.0/conv/W", "@layers%2E0.conv.W"),
    ("W", "W"), ("a%b/W", "a%25b.W"), ("a%2Eb/W", "a%252Eb.W"), ("a//W", "a.%.W"), ("", "%")])
def test_examples(path, name):
    assert torch_name(path) == name
    assert scope_path(name) == path


@given(st.text(alphabet="ab/.%@2E5", max_size=12))
def test_round_trip(path):
    assert scope_path(torch_name(path)) == path


@given(st.lists(st.text(alphabet="ab/.%@", max_size=4), min_size=2, max_size=2, unique=True))
def test_different_paths_have_different_names(paths):
    assert torch_name(paths[0]) != torch_name(paths[1])


@given(st.text(alphabet="ab.%@", max_size=6))
def test_torch_accepts_the_components(component):
    module = torch.nn.Module()
    module.register_parameter(torch_component(component), torch.nn.Parameter(torch.zeros(1)))
    assert list(module.state_dict()) == [torch_component(component)]
