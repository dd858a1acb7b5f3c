"""Function: a node that computes variables, and how calls of operators become nodes."""
import weakref
from functools import partial

import numpy as np
import torch

from ..registry import Floats, Operator
from . import by_hand, context, modes, tape
from .leaf import input_tensor, link_torch_leaf
from .nd_array import NdArray
from .randomness import function_random
from .storage import WRITTEN, Storage
from .variable import Container, Variable


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
        """1 when output 0 shares the storage of input i, else 0."""
        return int(i == 0 and self.shares_storage())

    def inplace_data_with(self, i):
        """The output that shares input i's storage (RuntimeError when none does)."""
        if not self.inplace_data(i):
            raise RuntimeError(f"{self.op.name}: input {i} shares its storage with no output")
        return 0

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
        return self.op.input_kind(i if self.mask is None else self.positions[i])

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
        if op.creates:
            target = self.target
            if target.dtype is not torch.float32 or not target.is_cpu:
                kernel = partial(_placed, kernel, target)
        self.bound = partial(kernel, **args) if args else kernel

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
                self.direct = op.direct(*full, **args)
        except (ValueError, TypeError, IndexError, RuntimeError, ZeroDivisionError, AssertionError) as error:
            raise self.error(error, shapes) from None
        return result if result.__class__ is list else [tuple(result)]

    def _infer_on_meta(self, shapes):
        op = self.op
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
        return call_function(self, inputs, n_outputs, outputs, auto_forward)


def _placed(kernel, target, /, *positions, **args):
    """A kernel without inputs, or with positions only, doesn't know where its result is wanted, and in which dtype."""
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


_new_variable = object.__new__


# -- calls -------------------------------------------------------------------------------------------

def call(op, inputs, args, n_outputs=-1, outputs=None):
    """Call an operator on Variables (a graph node), NdArrays (at once) or torch tensors (at once)."""
    for x in inputs:
        if x.__class__ is not Variable:
            return call_other(op, inputs, args, n_outputs, outputs)
    if modes.auto_forward and outputs is None:
        return run_now(Function(op, args), inputs, n_outputs)
    return connect(Function(op, args), inputs, n_outputs, outputs)


# Other packages' kinds of input (graph definitions ...): class -> handler(op, inputs, args, n_outputs, outputs).
INPUT_HANDLERS: dict[type, object] = {}


def call_other(op, inputs, args, n_outputs, outputs, function=None):
    """Sort out calls whose inputs are not all plain Variables."""
    present = [x for x in inputs if x is not None]
    assert len(present) == len(inputs) or not op.variadic, f"{op.name}: expected Variables or NdArrays, received None"
    for x in present:
        handler = INPUT_HANDLERS.get(type(x))
        if handler is not None:
            return handler(op, inputs, args, n_outputs, outputs)
    tensors = sum(isinstance(x, torch.Tensor) for x in present)
    if tensors and tensors == len(present):
        return call_on_tensors(op, inputs, args, n_outputs)
    for x in present:
        assert isinstance(x, (Variable, NdArray, torch.Tensor)), (
            f"{op.name}: expected inputs of type Variable or NdArray (or torch.Tensor), received {type(x).__name__}")
    if function is None:
        function = Function(op, args)
    if not op.variadic and len(present) != len(inputs):
        mask = tuple([x is not None for x in inputs])
        for declared, x in zip(op.inputs, inputs):
            assert x is not None or declared.optional, f"{op.name}: input '{declared.name}' is missing"
        function.leave_out(mask)
    if any(isinstance(x, NdArray) for x in present):
        return run_on_arrays(function, [_as_nd_array(x) for x in present], n_outputs, outputs)
    return connect(function, [_as_variable(x) for x in present], n_outputs, outputs)


def call_function(function, inputs, n_outputs, outputs, auto_forward=None):
    """Connect (or run at once, for NdArrays) an existing Function object."""
    op = function.op
    if all(x.__class__ is Variable for x in inputs):
        return connect(function, inputs, n_outputs, outputs, auto_forward)
    return call_other(op, inputs, function.given, n_outputs, outputs, function)


def _as_nd_array(x):
    if isinstance(x, NdArray):
        return x
    return x.data if isinstance(x, Variable) else NdArray.from_tensor(x.detach())


def _as_variable(x):
    return variable_of(x) if isinstance(x, torch.Tensor) else x


def variable_of(tensor):
    """A Variable over a torch tensor's own memory and autograd history."""
    storage = Storage(tensor)
    storage.foreign = True
    container = Container(tuple(tensor.shape), storage)
    if tensor.requires_grad and tensor.is_leaf:
        link_torch_leaf(container, tensor)
    return Variable.over(container, tensor.requires_grad or None)


def call_on_tensors(op, inputs, args, n_outputs=-1):
    """Run an operator on torch tensors: plain torch, dtypes and devices as they come."""
    function = Function(op, args)
    present = inputs
    if None in [None if x is None else 0 for x in inputs]:
        function.leave_out(tuple([x is not None for x in inputs]))
        present = [x for x in inputs if x is not None]
    for x in present:
        assert isinstance(x, torch.Tensor), f"{op.name}: expected torch.Tensor beside torch.Tensor, received {type(x).__name__}"
    function.bind_now([tuple(x.shape) for x in present], n_outputs)
    present = [_as_kind(x, "tensor" if op.plain else function.input_kind(i)) for i, x in enumerate(present)]
    results = function.execute(present)
    return results[0] if len(results) == 1 else tuple(results)


def _as_kind(tensor, kind):
    """Integers are read as floating point where an operator computes, and the reverse for positions."""
    if kind == "tensor" and not tensor.is_floating_point():
        return tensor.to(torch.get_default_dtype())
    return tensor.long() if kind == "index" else tensor


def run_on_arrays(function, arrays, n_outputs, outputs):
    """Run at once on NdArrays; returns NdArray or a tuple of them."""
    op, target = function.op, function.target
    function.bind_now([a.shape for a in arrays], n_outputs)
    variables = [Variable.over(Container(a.shape, a.storage)) for a in arrays]
    tensors = [input_tensor(v, function.input_kind(i), target) for i, v in enumerate(variables)]
    results = [_unshared(r) for r in function.execute(tensors)] if not function.shares_storage() else None
    if results is None:
        shape = tuple(function.execute(tensors)[0].shape)
        return arrays[0].view(shape) if outputs is None else outputs[0].copy_from(arrays[0])
    if outputs is None:
        made = [NdArray.from_tensor(r) for r in results]
    else:
        made = _write_outputs(op, results, outputs)
    return made[0] if len(made) == 1 else tuple(made)


def _unshared(tensor):
    return tensor if tensor._base is None else tensor.clone()


def _write_outputs(op, results, outputs):
    _check_outputs(op, [tuple(r.shape) for r in results], outputs)
    made = []
    for i, result in enumerate(results):
        if i < len(outputs) and outputs[i] is not None:
            outputs[i].take(result)
            made.append(outputs[i])
        else:
            made.append(NdArray.from_tensor(result))
    return made


def _check_outputs(op, shapes, outputs):
    if len(outputs) > len(shapes):
        raise RuntimeError(f"{op.name}: expected at most {len(shapes)} arrays in outputs, received {len(outputs)}")
    for array, shape in zip(outputs, shapes):
        if array is None:
            continue
        if not isinstance(array, NdArray):
            raise TypeError(f"{op.name}: expected NdArrays in outputs, received {type(array).__name__}")
        if array.size != int(np.prod(shape, dtype=int)):
            raise RuntimeError(f"{op.name}: expected an output array with the elements of shape {shape}, received {array.shape}")


def connect(function, inputs, n_outputs=-1, outputs=None, auto_forward=None):
    """Make ``function`` a node over Variables; returns its output Variable, or a tuple of them."""
    if auto_forward if auto_forward is not None else modes.auto_forward:
        return run_now(function, inputs, n_outputs, outputs)
    op = function.op
    function.inputs = list(inputs)
    need_grad, rank, shapes = False, 0, []
    ref = weakref.ref(function)
    for v in inputs:
        if v._inferred if v._need_grad is None else v._need_grad:
            need_grad = True
        if v.rank > rank:
            rank = v.rank
        shapes.append(v.container.shape)
        v.add_consumer(ref)
    function.need_grad, function.rank = need_grad, rank
    function.bind(shapes, n_outputs)
    if op.data_dependent:
        target = function.target
        tensors = [input_tensor(v, function.input_kind(i), target).detach() for i, v in enumerate(inputs)]
        out_shapes = [tuple(r.shape) for r in function.execute(tensors)]
    else:
        out_shapes = function.infer(shapes)
    if outputs is not None:
        _check_outputs(op, out_shapes, outputs)
    containers = [Container(shape, Storage()) for shape in out_shapes]
    if op.aliases and function.shares_storage():
        storage = inputs[0].container.storage
        storage.share()
        containers[0].storage = storage
    return _attach(function, containers, rank + 1, need_grad, outputs)


def run_now(function, inputs, n_outputs=-1, outputs=None):
    """Run ``function`` on the Variables' present data and make it a node (dynamic mode)."""
    op, target = function.op, function.target
    if modes.no_grad and function.__class__ is Function and op.__class__ is Operator:
        return _run_unlinked(function, inputs, n_outputs, outputs)
    need_grad, rank, tensors = False, 0, []
    function.inputs = list(inputs)
    ref = weakref.ref(function)
    plain, cpu, dtype = op.plain, target.is_cpu, target.dtype
    for i, v in enumerate(inputs):
        wish = v._need_grad
        if v._inferred if wish is None else wish:
            need_grad = True
        if v.rank > rank:
            rank = v.rank
        storage = v.container.storage
        if (wish is None and plain and cpu and v._parent is not None and storage.state == WRITTEN and storage.regular
                and storage._tensor.dtype is dtype):
            tensors.append(storage._tensor)      # an intermediate as it was computed: the common case
        else:
            tensors.append(input_tensor(v, "tensor" if plain else function.input_kind(i), target))
        consumers = v._consumers
        if consumers is None:
            v._consumers = [ref]
        else:
            v.add_consumer(ref)
    function.need_grad, function.rank = need_grad, rank
    if modes.no_grad:
        tensors = [t.detach() if t.requires_grad else t for t in tensors]
    kernel, args = _kernel_now(function, inputs, n_outputs)
    try:
        results = kernel(*tensors, **args)
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        raise function.error(error, [v.container.shape for v in inputs]) from error
    if results.__class__ is torch.Tensor and outputs is None and not modes.no_grad and not op.aliases:
        base = results._base
        if base is not None and base.is_leaf:
            results = results.clone()
        container = Container(tuple(results.shape), Storage(results))
        variable = _new_variable(Variable)
        variable._setup(container, None, need_grad, rank + 1, function)
        function.output_refs, function.output_containers = [weakref.ref(variable)], [container]
        return variable
    results = [results] if isinstance(results, torch.Tensor) else results
    return _attach_now(function, results, rank + 1, need_grad, outputs)


def _kernel_now(function, inputs, n_outputs):
    """What to call with tensors, and with which arguments."""
    op = function.op
    if (function.__class__ is Function and op.resolve is None and not op.wants and not op.creates and function.mask is None
            and not op.eager_rule):
        return op.kernel, function.given     # nothing to bind: a later run of the graph does it
    function.bind_now([v.container.shape for v in inputs], n_outputs)
    return function.bound, {}


def _run_unlinked(function, inputs, n_outputs, outputs):
    """Run a function whose outputs will be leaves: dynamic mode inside ``no_grad``."""
    op, target, tensors = function.op, function.target, []
    direct = op.plain and target.is_cpu
    for i, v in enumerate(inputs):
        storage = v.container.storage
        if direct and storage.state == WRITTEN and storage.regular and storage._tensor.dtype is target.dtype:
            tensors.append(storage._tensor)
        else:
            tensors.append(input_tensor(v, function.input_kind(i), target))
    kernel, args = _kernel_now(function, inputs, n_outputs)
    recording = torch.is_grad_enabled()
    torch._C._set_grad_enabled(False)   # torch.no_grad() costs as much as a small kernel
    try:
        results = kernel(*tensors, **args)
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        raise function.error(error, [v.container.shape for v in inputs]) from error
    finally:
        torch._C._set_grad_enabled(recording)
    if results.__class__ is torch.Tensor and outputs is None and not op.aliases:
        if results._base is not None:
            results = results.clone()
        return Variable.over(Container(tuple(results.shape), Storage(results)))
    return _attach_now(function, [results] if isinstance(results, torch.Tensor) else results, 0, False, outputs)


def _attach_now(function, results, rank, need_grad, outputs):
    op = function.op
    containers = []
    aliased = op.aliases and function.shares_storage()
    for result in results:
        base = result._base
        if base is not None and not aliased and base.is_leaf:
            result = result.clone()
        containers.append(Container(tuple(result.shape), Storage(result)))
    if aliased:
        _share_memory(function.inputs[0].container.storage, containers[0].storage)
    if outputs is not None:
        _check_outputs(op, [c.shape for c in containers], outputs)
        for container, array in zip(containers, outputs):
            if array is not None:
                array.storage.set(container.storage._tensor.reshape(array.shape))
    if modes.no_grad:
        made = [Variable.over(c) for c in containers]
        for v, array in zip(made, outputs or ()):
            v.container.data = array
        return made[0] if len(made) == 1 else tuple(made)
    return _attach(function, containers, rank, need_grad, outputs)


def _share_memory(source, view):
    """Let what is written to one storage be seen in the other, whose tensor is a view of it (unless it was converted)."""
    view.alias = True
    tensor = source.present()
    if tensor is not None and tensor.data_ptr() == view._tensor.data_ptr():
        source.aliased = view.aliased = True


def _attach(function, containers, rank, need_grad, outputs):
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


def rebuild(root, replace_leaf):
    """A copy of the graph of ``root`` with each leaf replaced by ``replace_leaf(leaf)``."""
    new = {}

    def renewed(variable):
        if id(variable) not in new:
            new[id(variable)] = replace_leaf(variable)
        return new[id(variable)]

    for function in tape.ordered_functions((root,)):
        copy = function.copy()
        made = connect(copy, [renewed(v) for v in function.inputs], len(function.output_refs), auto_forward=False)
        for old, variable in zip(function.outputs, made if isinstance(made, tuple) else (made,)):
            variable._persistent, variable._recompute = old._persistent, old._recompute
            if old._need_grad is not None:
                variable._need_grad = old._need_grad
            new[id(old)] = variable
    return renewed(root)

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
