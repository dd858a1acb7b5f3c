"""Solvers in network files: a solver's arguments and its message, both ways, from the declared update rules."""
from functools import lru_cache

from ..logger import logger
from ..optimization.rule import RULES
from ..utils import nnabla_pb2


@lru_cache(maxsize=None)
def parameter_fields():
    """Solver type to the name of the field of ``Solver`` that holds its arguments."""
    members = nnabla_pb2.Solver.DESCRIPTOR.oneofs_by_name["parameter"].fields
    return {field.message_type.name[:-len("Parameter")]: field.name for field in members}


def write(message, solver):
    """Put type and arguments of ``solver`` into a ``Solver`` message."""
    message.type = solver.name.removesuffix("Cuda")
    field = parameter_fields().get(message.type)
    if field is not None:
        arguments = getattr(message, field)
        arguments.SetInParent()
        for descriptor in arguments.DESCRIPTOR.fields:
            if descriptor.name in solver.info:
                setattr(arguments, descriptor.name, solver.info[descriptor.name])


def make(message):
    """The solver that a ``Solver`` message describes, without parameters, and its learning rate.

    nnabla leaves out the arguments of AdamW, AdaBound, AMSGRAD, AMSBound, Lamb, Lars, Lion and SgdW when it writes
    files; such a solver gets the default arguments, and a warning.

    Raises:
        ValueError: nobody knows the type.
    """
    type_ = _find_type(message.type)
    field = parameter_fields()[type_]
    given = {}
    if message.HasField(field):
        arguments = getattr(message, field)
        names = [d.name for d in arguments.DESCRIPTOR.fields if d.name in RULES[type_].defaults]
        given = {name: getattr(arguments, name) for name in names}
    else:
        logger.warning("Solver %s: the file has no arguments for it, its defaults are used.", type_)
    from .. import solvers
    solver = getattr(solvers, type_)(**given)
    return solver, solver.learning_rate()


def _find_type(name):
    type_ = {"SGD": "Sgd"}.get(name, name)
    if type_ not in RULES or type_ not in parameter_fields():
        raise ValueError(f'Solver "{name}" is not supported. There are: {", ".join(sorted(RULES))}.')
    return type_
