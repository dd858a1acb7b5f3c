"""Programs as compiled code: traced by torch, turned into machine code by inductor, kept by what they compute."""
import time
from collections import OrderedDict

import torch

from ..logger import logger
from .program import Uncompilable
from .streams import Draws, replaced

# What code runs in: without history, and without records of views, by which results would count as parts of others.
below_autograd = getattr(torch._C, "_AutoDispatchBelowADInplaceOrView", torch.no_grad)

_LARGEST_CACHE = 128
_codes = OrderedDict()


def code_of(program, options):
    """The compiled code of a program: one that computes the same serves again.

    Args:
        program (Program): What to compute.
        options (tuple of pairs): Settings of inductor.

    Returns:
        (Code, whether it is new)

    Raises:
        Uncompilable: it can't be traced, or there is no working compiler.
    """
    key = (program.key(), options)
    code = _codes.get(key)
    if code is not None:
        _codes.move_to_end(key)
        return code, False
    start = time.perf_counter()
    try:
        code = Code(program, dict(options))
    except Uncompilable:
        raise
    except Exception as error:
        # Whatever goes wrong inside a tracer or compiler, the graph runs without it; the text says what it was.
        raise Uncompilable(_wording(error)) from error
    logger.info("Compiled a graph of %d functions (%s), forward%s, in %.1f s.", len(program.functions),
                program.functions[-1].name, " and backward" if program.backward else "", time.perf_counter() - start)
    _codes[key] = code
    if len(_codes) > _LARGEST_CACHE:
        _codes.popitem(last=False)
    return code, True


def clear_cache():
    """Forget all compiled code."""
    _codes.clear()


class Code:
    """What computes programs of one key.

    Attributes:
        call: Takes a list of the arguments, the root's gradient if there is a backward pass, and the draws, which it
            may empty; gives one list of tensors, in the order of ``Program.compute``, without gradients that don't exist.
        requests: The random draws it takes: (number of the function, method, arguments).
        counts: How many of the results are kept, leaf gradients, and gradients of intermediates.
        missing: For each gradient, whether there is none.
    """

    def __init__(self, program, options):
        self._survey(program)
        arguments = [t.detach() for t in program.arguments()]
        if program.backward is not None:
            arguments.append(torch.ones((), device=arguments[0].device))
        arguments += [torch.zeros(t.shape, dtype=t.dtype, device=t.device) for t in self._drawn]
        count = len(program.storages)

        def compute(*tensors):
            seed = tensors[count] if program.backward is not None else torch.ones(())
            draws = Draws(tensors[count + (program.backward is not None):])
            with replaced(program.streams, draws):
                parts = program.compute(list(tensors[:count]), seed)
            return [t for part in parts for t in part if t is not None]

        self.call = machine_code(compute, arguments, options)
        del self._drawn

    def _survey(self, program):
        """Run the program on tensors without values, to see what it draws, writes and leaves out."""
        from torch._subclasses.fake_tensor import FakeTensorMode
        mode = FakeTensorMode()
        arguments = [mode.from_tensor(t.detach()) for t in program.arguments()]
        with mode:
            draws = Draws()
            with replaced(program.streams, draws):
                kept, gradients, inner, _ = program.compute(arguments, torch.ones(()))
        self._drawn = draws.answers
        numbers = {f: i for i, f in enumerate(program.functions)}
        self.requests = [(numbers[function], method, given) for function, method, given in draws.requests]
        self.missing = [g is None for g in (*gradients, *inner)]
        n_gradients = len(gradients)
        self.counts = (len(kept), n_gradients - sum(self.missing[:n_gradients]), len(inner) - sum(self.missing[n_gradients:]))


def machine_code(function, examples, options):
    """``function``, which takes tensors and gives a list of tensors, as compiled code for tensors like ``examples``.

    The code takes a list of tensors, which it may empty. It is what inductor has generated, without the guards of
    torch.compile and the layers below them, which take as long as a small network: callers know that arguments fit.
    """
    from torch._inductor import compile_fx, config
    from torch.fx.experimental.proxy_tensor import make_fx
    inner = []

    def compile_inner(graph, *args, **kwargs):
        made = compile_fx.compile_fx_inner(graph, *args, **kwargs)
        inner.append((made, [sum(n.op == "placeholder" for n in graph.graph.nodes), len(_results(graph))]))
        return made

    aten = torch.ops.aten
    # Tensors come as they were traced; and one that an operator leaves out (LSTM's workspace) has no alignment to assert.
    settings = {name: False for name in ("size_asserts", "alignment_asserts") if hasattr(config, name)}
    decompositions = {aten.view.dtype: _view_as}
    if examples[0].device.type == "cpu":
        # A bias is added faster in the loop that goes on with the result than by BLAS; patterns would put it back there.
        settings["pattern_matcher"] = False
        decompositions.update({aten.addmm.default: _addmm,
                               aten.max_pool2d_with_indices_backward.default: _max_pool2d_backward})
    with torch.no_grad():
        graph = make_fx(function, decompositions, tracing_mode="fake")(*examples)
        call = compile_fx.compile_fx(graph, list(examples), inner_compile=compile_inner,
                                     config_patches={**settings, **options})
    if len(inner) == 1 and inner[0][1] == [len(examples), len(_results(graph))]:
        made = inner[0][0]
        return getattr(made, "current_callable", None) or made
    return lambda tensors: call(*tensors)


def _addmm(bias, a, b, *, beta=1, alpha=1):
    product = torch.mm(a, b)
    return (product if alpha == 1 else product * alpha) + (bias if beta == 1 else bias * beta)


def _view_as(x, dtype):
    """Masks as numbers: older inductors can't look at a bool's memory."""
    return x.to(dtype) if (x.dtype, dtype) == (torch.bool, torch.uint8) else NotImplemented


def _max_pool2d_backward(gradient, x, kernel, stride, padding, dilation, ceil_mode, indices):
    """Each gradient goes to one place; inductor's own rule has each place look for its gradients."""
    places = x.new_zeros(x.shape).flatten(-2)
    apart = all(s >= k for s, k in zip(stride or kernel, kernel)) and set(dilation) == {1}
    scatter = places.scatter if apart else places.scatter_add
    return scatter(-1, indices.flatten(-2), gradient.flatten(-2)).view(x.shape)


def _results(graph):
    return next(n for n in reversed(graph.graph.nodes) if n.op == "output").args[0]


def _wording(error):
    text = " ".join(str(error).split())
    if "compiler" in text.lower() and "found" in text.lower():
        return "no working C++ compiler was found"
    return f"torch can't compile it ({type(error).__name__}: {text[:300]})"
