"""Loops in descriptions of networks, unrolled.

Graphical tools write loops: what lies inside one carries its name (``repeat_id``, outermost loop first) and is
meant to be there once per repetition. Copies are named after the original: ``{loop}`` in the name becomes
``[i]``, and where the name has no such place ``_loop[i]`` is appended.
"""
from itertools import product

from .graph_def import ProtoFunction, ProtoNetwork

# So many functions and variables may come out of a file's loops; the numbers in it are bare claims.
LARGEST_EXPANSION = 1_000_000
COPY = "$EC$/"   # what names of functions start with that only pass values on between repetitions


def expand(network):
    """A network without loops.

    Raises:
        ValueError: loops that contradict each other, or repeat beyond all measure.
    """
    return _Expansion(network).run()


def _copy_name(name, loops, indices):
    for loop, i in zip(loops, indices):
        place = "{" + loop + "}"
        name = name.replace(place, f"[{i}]") if place in name else f"{name}_{loop}[{i}]"
    return name


def _suffix(loops, at):
    return "".join(f"_{loop}[{at[loop]}]" for loop in loops)


class _Expansion:
    def __init__(self, network):
        self.source = network
        self.target = ProtoNetwork(network.owner(), network.name, network.batch_size)

    def run(self):
        self._check_size()
        for variable in (*self.source.variables.values(), *self.source.parameters.values()):
            for indices in self._repetitions(variable.repeat_id):
                copy = variable.clone()
                copy.name, copy.repeat_id = _copy_name(variable.name, variable.repeat_id, indices), []
                (self.target.parameters if variable.type == "Parameter" else self.target.variables)[copy.name] = copy
        for function in self.source.functions.values():
            for indices in self._repetitions(function.repeat_id):
                self._copy_function(function, dict(zip(function.repeat_id, indices)))
        self.target.find_ports()
        return self.target

    def _times(self, loop):
        try:
            return self.source.repeat_info[loop]
        except KeyError:
            raise ValueError(f"network '{self.source.name}': loop '{loop}' is not declared.") from None

    def _repetitions(self, loops):
        return product(*[range(self._times(loop)) for loop in loops])

    def _check_size(self):
        total = 0
        source = self.source
        for entry in (*source.variables.values(), *source.parameters.values(), *source.functions.values()):
            copies = 1
            for loop in entry.repeat_id:
                copies *= max(0, self._times(loop))
            param = getattr(entry, "recurrent_param", None)
            total += copies * (1 + (max(0, param.length) if param is not None else 0))
            if total > LARGEST_EXPANSION:
                raise ValueError(f"network '{self.source.name}': its loops would make more than {LARGEST_EXPANSION} "
                                 "functions and variables. Raise nnabla_compat.core.loop_control.LARGEST_EXPANSION if "
                                 "the file is sound.")

    def _name_at(self, name, at):
        """Name of the copy of a variable, seen from the repetition ``at`` (loop to index)."""
        variable = self.source.variable(name)
        try:
            indices = [at[loop] for loop in variable.repeat_id]
        except KeyError as missing:
            raise ValueError(f"network '{self.source.name}': '{name}' lies inside loop {missing}, and is used from "
                             "outside.") from None
        return _copy_name(name, variable.repeat_id, indices)

    def _copy_function(self, function, at):
        make = getattr(self, "_" + function.type, None)
        if make is not None:
            made = make(function, at)
            if made is not None:
                self._add(*made)
            return
        self._add(function.name + _suffix(function.repeat_id, at), function.type, dict(function.args),
                  [self._name_at(n, at) for n in function.inputs], self._outputs(function, at))

    def _add(self, name, type_, args, inputs, outputs):
        self.target.add_function(ProtoFunction(None, type_, args, name, self.target), inputs, outputs)

    def _outputs(self, function, at):
        return [self._name_at(n, at) for n in function.outputs]

    def _inputs(self, function, count):
        if len(function.inputs) != count:
            raise ValueError(f"network '{self.source.name}': {function.type} '{function.name}' needs {count} input(s), "
                             f"it has {len(function.inputs)}.")
        return function.inputs

    def _pass_on(self, function, at, source):
        name = COPY + function.name + _suffix(function.repeat_id, at)
        return name, "Identity", {}, [source], self._outputs(function, at)

    def _RepeatStart(self, function, at):
        first, fed_back = self._inputs(function, 2)
        return self._pass_on(function, at, self._step(function.repeat_param, at, first, fed_back, function))

    def _Delay(self, function, at):
        delayed, initial = self._inputs(function, 2)
        return self._pass_on(function, at, self._step(function.recurrent_param, at, initial, delayed, function))

    def _step(self, param, at, first, later, function):
        """The input of a repetition: ``first`` at the start, then what the previous repetition made of ``later``."""
        loop = self._loop(param, function)
        if loop not in at:
            raise ValueError(f"network '{self.source.name}': {function.type} '{function.name}' lies outside its loop "
                             f"'{loop}'.")
        if at[loop] == 0:
            return self._name_at(first, at)
        return self._name_at(later, {**at, loop: at[loop] - 1})

    def _RepeatEnd(self, function, at):
        source, = self._inputs(function, 1)
        loop = self._loop(function.repeat_param, function)
        return self._pass_on(function, at, self._name_at(source, {**at, loop: self._times(loop) - 1}))

    def _RecurrentInput(self, function, at):
        loop = self._loop(function.recurrent_param, function)
        if at.get(loop, 0):
            return None
        source, = self._inputs(function, 1)
        shape, axis = self.source.variable(source).shape, function.recurrent_param.axis
        if not 0 <= axis < len(shape) or shape[axis] != self._times(loop):
            raise ValueError(f"network '{self.source.name}': RecurrentInput '{function.name}' splits axis {axis} of "
                             f"shape {shape} into {self._times(loop)} steps.")
        outer = [name for name in function.repeat_id if name != loop]
        outputs = [self._name_at(n, {**at, loop: i}) for n in function.outputs for i in range(shape[axis])]
        return function.name + _suffix(outer, at), "Split", {"axis": axis}, [self._name_at(source, at)], outputs

    def _RecurrentOutput(self, function, at):
        source, = self._inputs(function, 1)
        loop, param = self._loop(function.recurrent_param, function), function.recurrent_param
        inputs = [self._name_at(source, {**at, loop: i}) for i in range(param.length)]
        return (function.name + _suffix(function.repeat_id, at), "Stack", {"axis": param.axis}, inputs,
                self._outputs(function, at))

    def _loop(self, param, function):
        if param is None:
            raise ValueError(f"network '{self.source.name}': {function.type} '{function.name}' does not say which loop "
                             "it belongs to.")
        return param.repeat_id
