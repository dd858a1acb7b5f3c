"""Every solver's updates against the runs recorded from nnabla."""
import functools
import pathlib

import numpy as np
import pytest
import solver_cases
import torch

from nnabla_compat import solvers as S
from nnabla_compat.engine import variable as nn
from nnabla_compat.optimization.rule import RULES

CORPUS = pathlib.Path(__file__).resolve().parents[1] / "corpus" / "solvers"


@functools.lru_cache(maxsize=None)
def corpus(solver):
    with np.load(CORPUS / f"{solver}.npz") as arrays:
        return dict(arrays)


def recorded(case):
    return {name[len(case.label) + 1:]: array for name, array in corpus(case.solver).items()
            if name.startswith(case.label + "|")}


def compare(result, reference, label):
    assert result.keys() == reference.keys()
    assert result["t"].tolist() == reference["t"].tolist()
    for name in reference.keys() - {"t"}:
        expected, actual = reference[name], result[name]
        assert actual.shape == expected.shape and actual.dtype == expected.dtype
        # Rounding of intermediate sums counts where the weight itself passes through zero.
        scale = np.abs(expected).max(axis=0) if name == "weights" else np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=2e-6 * float(np.max(scale)), err_msg=f"{label} {name}")


@pytest.mark.parametrize("case", solver_cases.CASES, ids=solver_cases.LABELS)
def test_updates_equal_nnabla(case):
    compare(solver_cases.run(nn, S, case), recorded(case), case.label)


def test_every_solver_is_recorded():
    assert {case.solver for case in solver_cases.CASES} == set(RULES)
    assert {path.stem for path in CORPUS.glob("*.npz")} - {"schedulers"} == set(RULES)


class Holder:
    """A torch parameter seen through the members of a Variable that the recorded runs use."""

    def __init__(self, value):
        self.tensor = torch.nn.Parameter(torch.from_numpy(value.copy()))

    d = property(lambda self: self.tensor.detach().numpy())
    g = property(fset=lambda self, value: setattr(self.tensor, "grad", torch.from_numpy(value)))

    @staticmethod
    def from_numpy_array(value, need_grad):
        return Holder(value)


class ForTensors:
    """The solvers, fed with the holders' torch parameters."""

    def __getattr__(self, name):
        def make(**arguments):
            solver = getattr(S, name)(**arguments)
            take = solver.set_parameters

            class Solver:
                __getattr__ = staticmethod(lambda member: getattr(solver, member))
                set_parameters = staticmethod(lambda holders: take({k: h.tensor for k, h in holders.items()}))
            return Solver()
        return make


@pytest.mark.parametrize("case", [next(c for c in solver_cases.CASES if c.solver == name) for name in RULES],
                         ids=list(RULES))
def test_torch_parameters_are_updated_alike(case):
    class library:
        Variable = Holder
    compare(solver_cases.run(library, ForTensors(), case), recorded(case), case.label)
