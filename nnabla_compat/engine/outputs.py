"""The outputs of functions: the variables they become, and the arrays a caller gives to be written to."""
import weakref

import numpy as np

from .nd_array import NdArray
from .variable import Variable


def attach(function, containers, rank, need_grad, outputs):
    made, refs = [], []
    for container in containers:
        variable = Variable.over(container)
        variable._inferred, variable.rank, variable._parent = need_grad, rank, function
        made.append(variable)
        refs.append(weakref.ref(variable))
    function.output_refs, function.output_containers = refs, containers
    if outputs is not None:
        for container, array in zip(containers, outputs):
            if array is not None:
                container.data = array if array.shape == container.shape else array.view(container.shape)
    return made[0] if len(made) == 1 else tuple(made)


def write_outputs(op, results, outputs):
    check_outputs(op, [tuple(r.shape) for r in results], outputs)
    made = []
    for i, result in enumerate(results):
        if i < len(outputs) and outputs[i] is not None:
            outputs[i].take(result)
            made.append(outputs[i])
        else:
            made.append(NdArray.from_tensor(result))
    return made


def check_outputs(op, shapes, outputs):
    if len(outputs) > len(shapes):
        raise RuntimeError(f"{op.name}: expected at most {len(shapes)} arrays in outputs, received {len(outputs)}")
    for array, shape in zip(outputs, shapes):
        if array is None:
            continue
        if not isinstance(array, NdArray):
            raise TypeError(f"{op.name}: expected NdArrays in outputs, received {type(array).__name__}")
        if array.size != int(np.prod(shape, dtype=int)):
            raise RuntimeError(f"{op.name}: expected an output array with the elements of shape {shape}, received {array.shape}")
