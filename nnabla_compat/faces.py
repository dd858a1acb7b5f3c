"""Builds the public functions and function constructors of declared operators."""
import inspect

from .engine import context
from .engine.calls import call
from .engine.function import Function
from .registry import COERCIONS, REQUIRED, Operator

# Compiled once per operator, so that a call pays for no generic argument handling. Fast paths first:
# arguments of the declared type are passed on as they are.
_TEMPLATE = """\
def {name}({signature}):
{check}    return call(op, {inputs}, {arguments}, n_outputs, outputs)
"""

_EXACT = {bool: "bool", int: "int", float: "float", str: "str"}


def public_function(op: Operator):
    """The function of ``nnabla.function_bases`` for an operator.

    Inputs, then arguments, then ``n_outputs=-1`` (how many outputs to make, where the operator lets one
    choose) and ``outputs=None`` (NdArrays to write into).
    """
    signature, names = [], {}
    for i in op.inputs:
        signature.append(f"*{i.name}" if i.variadic else f"{i.name}=None" if i.optional else i.name)
    arguments = []
    for k, a in enumerate(op.arguments):
        if a.default is REQUIRED:
            signature.append(a.name)
        else:
            names[f"default_{k}"] = a.default
            signature.append(f"{a.name}=default_{k}")
        arguments.append(f"'{a.name}': {_coercion(k, a, names)}")
    signature += ["n_outputs=-1", "outputs=None"]
    check = f"    assert {op.inputs[0].name}, '{op.name}: expected at least one input'\n" if op.variadic else ""
    source = _TEMPLATE.format(name=op.name, check=check, signature=", ".join(signature), inputs=_inputs(op),
                              arguments="{" + ", ".join(arguments) + "}")
    scope = {"call": call, "op": op, **names}
    exec(compile(source, f"<nnabla_compat operator {op.type_name}>", "exec"), scope)
    function = scope[op.name]
    function.__doc__ = op.kernel.__doc__
    function.__module__ = "nnabla_compat.function_bases"
    function.operator = op
    function.__function_api_base__ = _context_taking(function)
    return function


def _inputs(op):
    names = [i.name for i in op.inputs]
    if op.variadic:
        fixed = [n for n, i in zip(names, op.inputs) if not i.variadic]
        last = next(n for n, i in zip(names, op.inputs) if i.variadic)
        return last if not fixed else f"({', '.join(fixed)}, *{last})"
    whole = f"({', '.join(names)},)" if names else "()"
    if op.inputs and op.inputs[-1].optional:
        # One absent trailing input is the common case: leave it out.
        shorter = f"({', '.join(names[:-1])},)" if len(names) > 1 else "()"
        return f"({shorter} if {names[-1]} is None else {whole})"
    return whole


def _coercion(k, argument, names):
    name = argument.name
    names[f"coerce_{k}"] = COERCIONS[argument.type]
    value = f"coerce_{k}({name})"
    exact = _EXACT.get(argument.type)
    if exact is not None:
        value = f"({name} if {name}.__class__ is {exact} else {value})"
    if argument.nullable:
        value = f"(None if {name} is None else {value})"
    return value


def _context_taking(function):
    def with_context(ctx, *args, **kwargs):
        with context.context_scope(ctx):
            return function(*args, **kwargs)
    with_context.__doc__ = function.__doc__
    with_context.__name__ = function.__name__
    return with_context


def constructor(op: Operator):
    """``nnabla.function.<Type>(ctx, *arguments)``: an unconnected Function of an operator."""
    # Every argument has to be given, as in nnabla: this is the low-level door.
    signature = inspect.Signature([inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD)
                                   for n in ("ctx", *[a.name for a in op.arguments])])

    def make(*values, **named):
        given = signature.bind(*values, **named).arguments
        args = {a.name: None if a.nullable and given[a.name] is None else a.coerce(given[a.name])
                for a in op.arguments}
        return Function(op, args, given["ctx"])

    make.__name__ = make.__qualname__ = op.type_name
    make.__signature__ = signature
    make.__doc__ = f"An unconnected {op.type_name} function; call it with its inputs.\n\n{op.kernel.__doc__ or ''}"
    make.__module__ = "nnabla_compat.function"
    return make
