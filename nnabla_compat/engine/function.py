"""Function: a node that computes variables."""
import weakref
from functools import partial

import numpy as np
import torch

from ..registry import Floats
from . import by_hand, context, modes
from .randomness import function_random
from .variable import Variable


class Function:
    """A function node: an operator with its arguments, inputs and outputs.

    Made by calling operators on Variables, or unconnected by ``nnabla.function.<Type>(ctx, *arguments)``.
    """

    inputs = ()           # Variables present, in order
    mask = None           # which declared inputs are present; None: all, or all but trailing ones
    positions = None      # with a mask: the declared position of each input present
    output_refs = ()      # weak references: a graph lives from its outputs backwards
    output_containers = ()
    context = None        # the Context it computes in
    need_grad = False
    rank = 0
    bound = None          # the kernel with its arguments bound, called with tensors
    direct = None         # what plans call in its place (Operator.direct)
    input_shapes = None   # the shapes that arguments and outputs were inferred for
    composed = False      # whether it stands for several functions (composition.Composite)
    started = None        # what the last forward() by hand started from (by_hand.Start), if that counts
    _tags = None

    def __init__(self, op, args, ctx=None):
        self.op = op
        self.given = args          # as called: None where the operator fills in
        self.args_resolved = args
        self.context = context.current_ctx if ctx is None else ctx

    @property
    def target(self):
        """The device it computes on and the dtype it computes in."""
        target = self.context.target
        return target if self.op.half else context.single(target)

    # -- description ---------------------------------------------------------------------------------

    @property
    def name(self):
        return self.op.type_name

    @property
    def args(self):
        """The resolved arguments, as nnabla reports them."""
        return {a.name: _reported(self.args_resolved[a.name], a.type) for a in self.op.arguments}

    arguments = args

    @property
    def info(self):
        """Type name, arguments and tags; None while the function is connected to nothing."""
        return Info(self) if self.output_refs else None

    @property
    def tags(self):
        return {} if self._tags is None else self._tags

    @tags.setter
    def tags(self, value):
        self._tags = value

    @property
    def outputs(self):
        """The output Variables; one nobody holds any more comes back as a leaf over the same data."""
        outputs = []
        for ref, container in zip(self.output_refs, self.output_containers):
            variable = ref()
            outputs.append(Variable.over(container) if variable is None else variable)
        return outputs

    def adopt_output(self, variable):
        """Let ``variable`` stand for the output that shares its data."""
        for i, container in enumerate(self.output_containers):
            if container is variable.container:
                self.output_refs[i] = weakref.ref(variable)
                return
        self.output_refs = [*self.output_refs, weakref.ref(variable)]
        self.output_containers = [*self.output_containers, variable.container]

    def replace_output(self, old, new):
        """Put ``new`` in the place of output ``old``."""
        for i, ref in enumerate(self.output_refs):
            if ref() is old:
                self.output_refs[i] = weakref.ref(new)
                self.output_containers[i] = new.container

    def min_outputs(self):
        """How many outputs the function makes unless asked for more."""
        least = self.op.min_outputs
        return least(self.args_resolved) if callable(least) else least

    def grad_depends_input_data(self, i, j):
        """Whether nnabla's gradient of input i reads the data of input j: clearing passes keep it then."""
        reads = self._backward_reads(i)
        return reads is None or self._input_name(j) in reads or (i == j and "self" in reads)

    def grad_depends_output_data(self, i, o):
        """Whether nnabla's gradient of input i reads the data of output o."""
        reads = self._backward_reads(i)
        return reads is not None and ("out" in reads or f"out{o}" in reads)

    def _backward_reads(self, i):
        """Names of what the gradient of input i reads, None for all inputs."""
        reads = self.op.backward_reads
        if callable(reads):
            reads = reads(self.args_resolved)
        if reads.__class__ is dict:
            reads = reads.get(self._input_name(i), "")
        return None if reads is None else reads.split()

    def _input_name(self, i):
        declared = self.op.inputs
        if self.mask is not None:
            declared = [d for d, present in zip(declared, self.mask) if present]
        return declared[min(i, len(declared) - 1)].name if declared else None

    def auto_grad_depends_input_data(self, i, j):
        """Whether nnabla's dynamic mode keeps the data of input j for the gradient of input i beyond the above."""
        return False

    def auto_grad_depends_output_data(self, i, o):
        """Whether nnabla's dynamic mode keeps the data of output o for the gradient of input i beyond the above."""
        return False

    def inplace_data(self, i):
        """1 when output 0 shares the storage of input i, 2 when nnabla writes other values there, else 0."""
        return 2 if self._input_name(i) == self.op.overwrites is not None else int(i == 0 and self.shares_storage())

    def inplace_data_with(self, i):
        """The output that may share input i's storage: 0 (RuntimeError for functions that never share any)."""
        if not self.op.aliases and self.op.overwrites is None and "inplace" not in self.args_resolved:
            raise RuntimeError(f"{self.op.name}: input {i} shares its storage with no output")
        return 0

    def spends_gradient(self):
        """Whether nnabla's backward changes the gradient of output 0."""
        return self.op.left_gradient is not None and any(self.inplace_data(i) == 2 for i in range(len(self.inputs)))

    def shares_storage(self):
        return self.op.aliases and self.args_resolved.get("inplace", True)

    def set_active_input_mask(self, mask):
        """Accepted as in nnabla; torch computes only the gradients that are asked for."""

    def copy(self):
        """An unconnected function with the same operator, arguments and tags."""
        copy = Function(self.op, self.given, self.context)
        copy.mask, copy.positions, copy._tags = self.mask, self.positions, self._tags
        return copy

    def __eq__(self, other):
        return self is other

    def __ne__(self, other):
        return self is not other

    __hash__ = object.__hash__

    def __str__(self):
        return self.name

    __repr__ = __str__

    def input_kind(self, i):
        """Kind of the i-th input present; inputs left out before it count as well."""
        return self.op.input_kind(i if self.mask is None else self.positions[i], self.args_resolved)

    # -- set-up --------------------------------------------------------------------------------------

    def leave_out(self, mask):
        """Say which of the declared inputs are present."""
        while mask and not mask[-1]:
            mask = mask[:-1]
        if not all(mask):
            self.mask, self.positions = mask, [i for i, present in enumerate(mask) if present]

    def full_shapes(self, shapes):
        """``shapes`` with None for the inputs left out."""
        if self.mask is None:
            return shapes
        given = iter(shapes)
        return [next(given) if present else None for present in self.mask]

    def bind(self, shapes, n_outputs=-1):
        """Resolve the arguments for input shapes and bind the kernel."""
        op, args = self.op, self.given
        self.input_shapes = shapes
        if op.resolve is not None:
            args = dict(args)
            full = self.full_shapes(shapes)
            if not op.variadic:
                full = [*full, *[None] * (len(op.inputs) - len(full))]
            try:
                op.resolve(args, *full)
            except (ValueError, IndexError, ZeroDivisionError) as error:
                raise self.error(error, shapes) from None
            self.args_resolved = args
        if op.wants:
            args = dict(args)
            if "n_outputs" in op.wants:
                args["n_outputs"] = max(1, n_outputs)
            if "rng" in op.wants:
                args["rng"] = function_random(args.get("seed", -1))
            if "memo" in op.wants:
                args["memo"] = {}
        kernel = op.kernel
        if self.mask is not None:
            kernel = partial(_call_with_gaps, kernel, self.mask)
        kernel = self._place(kernel)
        self.bound = partial(kernel, **args) if args else kernel

    def _place(self, kernel):
        """``kernel`` with results where the target wants them: what has no inputs, or positions only, can't know."""
        target = self.target
        if not self.op.creates or target.is_cpu and target.dtype is torch.float32:
            return kernel
        return partial(_placed, kernel, target)

    def bind_now(self, shapes, n_outputs=-1):
        """Bind for a call that computes at once; RuntimeError for shapes that only the rule refuses."""
        self.bind(shapes, n_outputs)
        if self.op.eager_rule:
            self.infer(shapes)

    def rebind(self, shapes):
        """Bind again for other input shapes: a random stream of its own, and memory, start anew, as in nnabla."""
        self.bind(shapes, getattr(self.bound, "keywords", {}).get("n_outputs", -1))

    def infer(self, shapes):
        """Output shapes (a list) for input shapes, which graphs may then rely on: binds what computes just them.

        Raises:
            RuntimeError: the operator refuses these shapes, or none of the context's backends is available.
        """
        op, _ = self.op, self.context.target
        full = self.full_shapes(shapes)
        if not op.variadic:
            full = [*full, *[None] * (len(op.inputs) - len(full))]
        args = self.args_resolved
        try:
            if op.shape is None:
                result = self._infer_on_meta(shapes)
            elif "n_outputs" in op.wants:
                result = op.shape(*full, **args, n_outputs=self.bound.keywords["n_outputs"])
            else:
                result = op.shape(*full, **args)
            if op.direct is not None:
                direct = op.direct(*full, **args)
                self.direct = direct if direct is None else self._place(direct)
        except (ValueError, TypeError, IndexError, RuntimeError, ZeroDivisionError, AssertionError) as error:
            raise self.error(error, shapes) from None
        return result if result.__class__ is list else [tuple(result)]

    def _infer_on_meta(self, shapes):
        metas = []
        for i, shape in enumerate(shapes):
            dtype = torch.int64 if self.input_kind(i) == "index" else torch.float32
            metas.append(torch.empty(shape, dtype=dtype, device="meta"))
        result = self.bound(*metas)
        if isinstance(result, torch.Tensor):
            return [tuple(result.shape)]
        return [tuple(r.shape) for r in result]

    def error(self, error, shapes):
        """The RuntimeError nnabla's users expect, naming the function and what it got."""
        if isinstance(error, NotImplementedError):
            return error
        received = ", ".join(f"{i.name} {s}" for i, s in zip(self._named_inputs(len(shapes)), shapes))
        args = ", ".join(f"{k}={v!r}" for k, v in self.given.items())
        scope = modes.scope_name()
        where = f" (scope '{scope}')" if scope else ""
        return RuntimeError(f"{self.op.name}{where}: {error}. Inputs: {received or 'none'}; arguments: {args or 'none'}.")

    def _named_inputs(self, count):
        declared = self.op.inputs
        if self.mask is not None:
            declared = [i for i, present in zip(declared, self.mask) if present]
        return [declared[min(k, len(declared) - 1)] for k in range(count)] if declared else []

    # -- the bare kernel, run by hand ----------------------------------------------------------------

    def setup(self, inputs, outputs):
        """Bind arguments to the shapes of ``inputs`` and give ``outputs`` their shapes."""
        by_hand.setup(self, inputs, outputs)

    def forward(self, inputs, outputs):
        """Compute ``outputs`` from the data of ``inputs``."""
        by_hand.forward(self, inputs, outputs)

    def backward(self, inputs, outputs, accum=None):
        """Add the gradients of ``outputs`` to those of the ``inputs`` that need grad (or overwrite where accum is False)."""
        by_hand.backward(self, inputs, outputs, accum)

    def need_setup_recompute(self, o):
        """Whether output ``o`` hangs on random numbers, which a recomputation draws again."""
        return "rng" in self.op.wants and "seed" in self.given and "memo" not in self.op.wants

    def setup_recompute(self, inputs, outputs):
        """Nothing to prepare: ``forward`` remembers what it started from."""

    def recompute(self, inputs, outputs):
        """Compute the outputs again, as the last ``forward`` did."""
        by_hand.recompute(self, inputs, outputs)

    def execute(self, tensors, kernel=None):
        """Results of the kernel (``bound`` unless given) as a list; errors become the RuntimeError of this function."""
        if self.bound is None:
            self.bind([tuple(t.shape) for t in tensors])
        try:
            result = (kernel or self.bound)(*tensors)
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            raise self.error(error, [tuple(t.shape) for t in tensors]) from error
        return [result] if isinstance(result, torch.Tensor) else list(result)

    def __call__(self, *inputs, n_outputs=-1, auto_forward=None, outputs=None):
        from .calls import call_function
        return call_function(self, inputs, n_outputs, outputs, auto_forward)


def _placed(kernel, target, /, *positions, **args):
    result = kernel(*positions, **args)
    return result.to(target.device, target.dtype if result.is_floating_point() else None)


def _call_with_gaps(kernel, mask, *tensors, **args):
    given = iter(tensors)
    return kernel(*[next(given) if present else None for present in mask], **args)


def _reported(value, type_):
    if value is None:
        return None
    if type_ is float:
        return float(np.float32(value))
    if type_ is Floats:
        return [float(np.float32(v)) for v in value]
    return list(value) if value.__class__ is tuple else value


class Info:
    """What ``function.info`` tells: ``type_name``, ``args`` and ``tags``."""

    __slots__ = ("function",)

    def __init__(self, function):
        self.function = function

    @property
    def type_name(self):
        return self.function.op.type_name

    @property
    def args(self):
        return self.function.args

    @property
    def tags(self):
        return self.function.tags
