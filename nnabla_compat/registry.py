"""Declarations of operators: one per nnabla function type, everything public derives from it.

A kernel is a plain function on torch tensors. Its signature *is* the declaration::

    @operator("LeakyReLU", shape=same_shape)
    def leaky_relu(x: Tensor, alpha: float = 0.1, inplace: bool = False):
        return torch.nn.functional.leaky_relu(x, alpha)

Parameters annotated with a tensor kind (``Tensor``, ``Index``, ``AsIs``, ``State``, ``Own``) are
inputs, the others are arguments; both keep nnabla's names, order and defaults. Keyword-only parameters named in
``ENGINE_PARAMETERS`` are supplied by the engine and are no part of the public signature.

Modules with kernels must not use ``from __future__ import annotations``: annotations are read as
objects here, once, at import.
"""
import inspect
from typing import Annotated, Any, Callable

import torch

# Input kinds. `Tensor` arrives in the computing dtype (float32, or float16 under a half context).
Tensor = torch.Tensor
# Integer positions or labels: arrives as int64 and never takes a gradient.
Index = Annotated[torch.Tensor, "index"]
# Whatever dtype the array has.
AsIs = Annotated[torch.Tensor, "as_is"]
# A buffer the kernel updates in place (running statistics): the array's own float32 storage.
State = Annotated[torch.Tensor, "state"]
# The same with a gradient: values the kernel overwrites and computes with.
Own = Annotated[torch.Tensor, "own"]

# Argument types beyond bool, int, float (a C++ float: shown rounded to float32) and str.
Double = Annotated[float, "double"]
Shape = Annotated[tuple, "shape"]
Ints = Annotated[tuple, "ints"]
Floats = Annotated[tuple, "floats"]

# What the engine hands to a kernel that asks for it by keyword:
#   n_outputs  how many outputs the caller wants
#   rng        the function's random stream (engine.randomness.FunctionRandom)
#   memo       a dict that lives as long as the function node, for state across calls
ENGINE_PARAMETERS = ("n_outputs", "rng", "memo")

_INPUT_KINDS = {Tensor: "tensor", Index: "index", AsIs: "as_is", State: "state", Own: "own"}
REQUIRED = inspect.Parameter.empty


class Input:
    """One input of an operator: its name, tensor kind, and whether it may be left out or repeated."""

    __slots__ = ("name", "kind", "optional", "variadic")

    def __init__(self, name: str, kind: str, optional: bool, variadic: bool):
        self.name, self.kind, self.optional, self.variadic = name, kind, optional, variadic

    def __repr__(self):
        return f"Input({self.name!r}, {self.kind}, optional={self.optional}, variadic={self.variadic})"


class Argument:
    """One argument of an operator: its name, type, default and coercion."""

    __slots__ = ("name", "type", "default", "coerce")

    def __init__(self, name: str, type_: Any, default: Any):
        self.name, self.type, self.default = name, type_, default
        self.coerce = COERCIONS[type_]

    @property
    def nullable(self) -> bool:
        """None is a value of its own: the operator resolves it from the input shapes."""
        return self.default is None

    def __repr__(self):
        return f"Argument({self.name!r}, {self.type}, default={self.default!r})"


def _to_int(value):
    return value if value.__class__ is int else int(_number(value))


def _to_float(value):
    return value if value.__class__ is float else float(_number(value))


def _number(value):
    """``value`` where it may stand for a number; arrays of one element do, as in nnabla."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"must be real number, not {type(value).__name__}")
    return value.item() if getattr(value, "ndim", 0) and value.size == 1 and hasattr(value, "item") else value


def _to_str(value):
    if not isinstance(value, str):
        raise TypeError(f"must be str, not {type(value).__name__}")
    return value


def _to_ints(value):
    if isinstance(value, (str, bytes)):
        raise TypeError(f"must be a sequence of int, not {type(value).__name__}")
    return tuple([_to_int(v) for v in value])


def _to_floats(value):
    if isinstance(value, (str, bytes)):
        raise TypeError(f"must be a sequence of float, not {type(value).__name__}")
    return tuple([_to_float(v) for v in value])


def _to_object(value):
    return value


COERCIONS = {
    bool: bool, int: _to_int, float: _to_float, Double: _to_float, str: _to_str,
    Shape: _to_ints, Ints: _to_ints, Floats: _to_floats, object: _to_object,
}


class Prepared:
    """A direct call whose inputs are changed first, which graphs do once for all calls that want the same.

    Args:
        kernel (callable): Function of the changed tensors.
        steps (dict): Position of an input to the function of it that changes it, a function of a module:
            steps are known to be the same by identity.
    """

    __slots__ = ("kernel", "steps")

    def __init__(self, kernel, steps):
        self.kernel, self.steps = kernel, steps


class Operator:
    """A declared operator. ``kernel(*tensors, **arguments)`` computes it.

    Attributes:
        type_name: nnabla's function type, such as ``"LeakyReLU"``.
        name: The public function's name, such as ``"leaky_relu"``.
        inputs, arguments: The declaration, in public order.
        variadic: The (only) input repeats.
        shape: Rule ``shape(*input_shapes, **arguments)`` giving the output shape (a tuple of int)
            or a list of them; None where the engine asks the kernel on torch's meta device.
        resolve: ``resolve(arguments, *input_shapes)`` fills, in place, arguments whose default
            depends on the inputs' shapes.
        data_dependent: Output shapes depend on input values, so building runs the kernel.
        keeps_inputs: Clearing passes never free its inputs. (A sink. ``direct`` serves where graphs end with it, whose
            backward passes then start at the inputs: it records nothing.)
        backward_reads: Whose data nnabla's gradients read, which is what clearing passes keep: names of
            inputs (``"self"``: just the input itself) and of outputs (``"out"`` for all, ``"out1"`` for
            the second), separated by blanks; a dict gives them for each input (none where it is
            missing), a function of the arguments gives either. None: all inputs, no output.
        min_outputs: How many outputs it makes at least, or a function of the arguments that tells.
        half: Whether nnabla's CPU build computes it in half precision too; where not, half contexts give float32.
        aliases: Output 0 shares the storage of input 0 (unless an argument ``inplace`` is false).
        keeps_dtype: Output 0 has the dtype that input 0 is stored in, whatever the computing dtype; where it aliases, it
            does while it shares the storage.
        overwrites: Name of the input whose storage nnabla writes the result to.
        left_gradient: What nnabla leaves of output 0's gradient when it overwrote an input and input 0 needs grad: a
            function of that gradient, input 1 and the arguments.
        wants: The engine parameters the kernel asks for.
        direct: ``direct(*input_shapes, **arguments)`` gives a function of the tensors alone that does what the
            kernel does for shapes that the rule has accepted, without its case distinctions and checks; None
            where there is none. Graphs call it; it may only make a difference in time (and be a view of its
            inputs where the kernel copies). A :class:`Prepared` says what it wants done to an input first.
    """

    __slots__ = ("type_name", "name", "kernel", "inputs", "arguments", "variadic", "shape", "resolve",
                 "data_dependent", "aliases", "keeps_dtype", "keeps_inputs", "needs_graph", "backward_reads",
                 "overwrites", "left_gradient", "wants", "plain", "creates", "direct", "min_outputs", "half",
                 "eager_rule", "unbound", "recalled", "floats")

    def __init__(self, type_name, kernel, shape=None, resolve=None, data_dependent=False, aliases=False,
                 keeps_inputs=False, backward_reads=None, direct=None, min_outputs=1, half=True, keeps_dtype=False,
                 overwrites=None, left_gradient=None):
        self.type_name = type_name
        self.kernel = kernel
        self.name = kernel.__name__.rstrip("_")
        self.shape, self.resolve, self.data_dependent, self.aliases = shape, resolve, data_dependent, aliases
        self.keeps_dtype = keeps_dtype or aliases
        self.overwrites, self.left_gradient = overwrites, left_gradient
        self.keeps_inputs = keeps_inputs
        self.backward_reads = backward_reads
        self.direct = direct
        self.min_outputs, self.half = min_outputs, half
        # Calls that compute at once ask the rule as well, for refusals that torch would not share.
        self.eager_rule = shape is not None and not getattr(shape, "left_to_torch", False)
        self.needs_graph = False   # the kernel differentiates its inputs' history (engine.gradient)
        self.inputs, self.arguments, self.wants = [], [], ()
        for p in inspect.signature(kernel).parameters.values():
            variadic = p.kind is p.VAR_POSITIONAL
            if p.annotation in _INPUT_KINDS:
                if self.arguments:
                    raise TypeError(f"operator {type_name}: input '{p.name}' comes after an argument")
                self.inputs.append(Input(p.name, _INPUT_KINDS[p.annotation],
                                         optional=p.default is None, variadic=variadic))
            elif p.kind is p.KEYWORD_ONLY and p.name in ENGINE_PARAMETERS:
                self.wants += (p.name,)
            elif p.annotation in COERCIONS:
                self.arguments.append(Argument(p.name, p.annotation, p.default))
            else:
                raise TypeError(f"operator {type_name}: parameter '{p.name}' needs the annotation of an "
                                f"input kind or argument type, has {p.annotation!r}")
        self.variadic = any(i.variadic for i in self.inputs)
        # Inputs all in the computing dtype: the common case the hot paths test for.
        self.plain = all(i.kind == "tensor" for i in self.inputs)
        # No input says where results are wanted and of which floating dtype: the engine sees to it.
        self.creates = all(i.kind == "index" for i in self.inputs)
        # Calls that compute at once: of the kernel as it is; or as the shapes and arguments have made it before.
        types = {a.type for a in self.arguments}
        needs_shapes = bool(resolve or self.wants or self.eager_rule)
        self.unbound = not (self.creates or needs_shapes)
        self.recalled = (not (self.creates or data_dependent or keeps_inputs) and object not in types and set(self.wants) <= {"n_outputs"}
                         and (needs_shapes or direct is not None))
        self.floats = tuple([a.name for a in self.arguments if a.type in (float, Double)])

    def __repr__(self):
        return f"<Operator {self.type_name}>"

    def input_kind(self, i: int, args: dict) -> str:
        """Kind of the i-th tensor passed, counting a variadic input's repeats.

        ``"stored"``, which is not declared: as it is stored, for an output of that dtype.
        """
        if self.keeps_dtype and args.get("inplace", True):
            return "stored"
        return self.inputs[min(i, len(self.inputs) - 1)].kind


OPERATORS: dict[str, Operator] = {}


def operator(type_name: str, *, shape: Callable | None = None, resolve: Callable | None = None,
             data_dependent: bool = False, aliases: bool = False,
             keeps_inputs: bool = False, backward_reads: str | dict | Callable | None = None,
             direct: Callable | None = None, min_outputs: int | Callable = 1, half: bool = True,
             keeps_dtype: bool = False, overwrites: str | None = None, left_gradient: Callable | None = None):
    """Register the decorated kernel under nnabla's type name; see :class:`Operator` for the options."""
    def register(kernel):
        if type_name in OPERATORS:
            raise ValueError(f"operator {type_name} is declared twice: in {OPERATORS[type_name].kernel.__module__} "
                             f"and in {kernel.__module__}")
        OPERATORS[type_name] = Operator(type_name, kernel, shape, resolve, data_dependent, aliases, keeps_inputs,
                                        backward_reads, direct, min_outputs, half, keeps_dtype, overwrites, left_gradient)
        return kernel
    return register


def find_operator(type_name: str) -> Operator:
    """The operator declared as ``type_name``.

    Raises:
        NotImplementedError: there is none.
    """
    try:
        return OPERATORS[type_name]
    except KeyError:
        raise NotImplementedError(
            f"operator {type_name} is not implemented by nnabla_compat. Declare a kernel for it with "
            f"@nnabla_compat.registry.operator({type_name!r}), or write it as a PythonFunction.") from None
