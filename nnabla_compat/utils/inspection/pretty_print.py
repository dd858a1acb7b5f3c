"""A graph as text, function by function."""
import numpy as np

from ...parameter import get_parameters

_STATISTICS = (("Med", np.median), ("Ave", np.mean), ("Std", np.std), ("Min", np.min), ("Max", np.max))


class PrettyPrinter:
    """A visitor that prints each function it is called with.

    Args:
        summary (bool): Print statistics of data and gradients too.
        hidden (bool): Keep names, inputs and outputs in :attr:`functions`.

    Attributes:
        functions (list of dict): ``name``, ``inputs`` and ``outputs`` of each function, with ``hidden``.
    """

    def __init__(self, summary=False, hidden=False):
        self._summary = summary
        self._hidden = hidden
        self.functions = []

    def get_scope_name(self, x):
        """Scope of a trainable parameter, None for any other variable."""
        for name, parameter in get_parameters().items():
            if parameter == x:
                return name.rpartition("/")[0]
        return None

    def __call__(self, f):
        scope = self.get_scope_name(f.inputs[1]) if len(f.inputs) > 1 else None
        name = f"{scope}/" if scope else ""
        name += f"{f.name}({f.info.type_name})"
        inputs, outputs = f.inputs, f.outputs
        print(name)
        print(f"\tDepth = {f.rank}")
        print("\tArgs:", [f"{k}={v}" for k, v in f.info.args.items()])
        print("\tInputs:", [v.shape for v in inputs])
        print("\tOutputs:", [v.shape for v in outputs])
        print("\tBackward Inputs:", [v.need_grad for v in inputs])
        if self._summary:
            self._print_statistics("Input Data", [v.d for v in inputs])
            self._print_statistics("Output Data", [v.d for v in outputs])
            self._print_statistics("Input Grads", [v.g for v in inputs])
            self._print_statistics("Output Grads", [v.g for v in outputs])
        if self._hidden:
            self.functions.append({"name": name, "inputs": list(inputs), "outputs": list(outputs)})

    @staticmethod
    def _print_statistics(title, arrays):
        print(f"\t{title}:")
        for name, statistic in _STATISTICS:
            print(f"\t\t{name}:  [{', '.join(str(statistic(array)) for array in arrays)}]")


def pprint(v, forward=False, backward=False, summary=False, hidden=False, printer=False):
    """Print the graph of a variable, from the leaves on.

    Args:
        v (Variable): Root of the graph.
        forward (bool): Run ``v.forward()`` before.
        backward (bool): Run ``v.backward()`` before.
        summary (bool): Print statistics of data and gradients too.
        hidden (bool): Keep the variables in the printer.
        printer (bool): Return the printer.

    Returns:
        PrettyPrinter or None: The printer, if asked for.
    """
    if forward:
        v.forward()
    if backward:
        v.backward()
    visitor = PrettyPrinter(summary, hidden)
    v.visit(visitor)
    return visitor if printer else None
