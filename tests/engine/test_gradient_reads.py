"""Function.grad_depends_input_data and grad_depends_output_data of every operator, as nnabla answers."""
import json

import pytest
from oracle.cases import CASES
from oracle.corpus import ROOT
from oracle.record_gradient_reads import accounts

import nnabla_compat as nn

RECORDED = json.loads((ROOT / "gradient_reads.json").read_text())
# nnabla takes the account of the function that runs inside; here it depends on inputs, which operators don't see.
UNTOLD = {"FusedConvolution"}


@pytest.mark.parametrize("name", list(RECORDED))
def test_gradient_reads(name):
    recorded = RECORDED[name]
    for cases in CASES.values():
        for case in cases:
            if case.function == name and case.key in recorded:
                found = accounts(nn, case)
                for type_name in (recorded[case.key].keys() & found.keys()) - UNTOLD:
                    assert found[type_name] == recorded[case.key][type_name], f"{type_name} in {case.key}"
