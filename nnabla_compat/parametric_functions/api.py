"""The decorator that makes a function parametric: its parameters live in a scope of its own."""
import inspect
from functools import wraps

from .. import parameter

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

# Arguments that mean the same in every layer, documented once.
_SHARED_ARGUMENTS = {
    "base_axis": "base_axis (int): Axes before this one are the batch.",
    "kernel": "kernel (tuple of int): Size of the filter along each spatial axis.",
    "pad": "pad (tuple of int): Zeros added on both sides of each spatial axis; none by default.",
    "stride": "stride (tuple of int): Step along each spatial axis; 1 by default.",
    "dilation": "dilation (tuple of int): Spacing of the filter's taps; 1 by default.",
    "group": "group (int): Channels are split into this many groups that do not mix.",
    "channel_last": "channel_last (bool): Channels are the last axis of ``inp``, not ``base_axis``.",
    "w_init": "w_init: Initial weights (initializer, array or callable); uniform with Glorot's limit by default.",
    "b_init": "b_init: Initial bias; zeros by default.",
    "rng": "rng (numpy.random.RandomState): Source of the default initial weights; ``nnabla.random.prng`` by default.",
    "with_bias": "with_bias (bool): Whether there is a bias.",
    "apply_w": "apply_w (callable): Applied to the weights before use, such as a weight normalization.",
    "apply_b": "apply_b (callable): Applied to the bias before use.",
    "fix_parameters": "fix_parameters (bool): Use the parameters without asking for their gradients; their registered "
                      "flags stay.",
    "param_init": "param_init (dict): Initial values by parameter name.",
}


def parametric_function_api(scope_name=None, param_desc=None):
    """Make a function parametric::

        @PF.parametric_function_api("scale", [("s", "Scale of each channel", "(channels,)", True)])
        def scale(inp, s_init=None, fix_parameters=False):
            s = PF.get_parameter_or_create("s", (inp.shape[1],), s_init, True, not fix_parameters)
            return inp * F.reshape(s, (1, -1))

        y = scale(x, name="first")        # registers first/scale/s

    The result takes one more argument, ``name=None``: the scope around ``scope_name``.

    Args:
        scope_name (str): Scope of the parameters; the function's name by default.
        param_desc (list): ``(name, description, shape, need_grad)`` of each parameter, for the docstring.

    Raises:
        AssertionError: the function has no argument ``fix_parameters``.
        ValueError: ``param_desc`` is not of that form.
    """
    def decorate(func):
        return _parametric(func, func.__name__ if scope_name is None else scope_name, param_desc)
    return decorate


def layer(scope_name, param_desc):
    """:func:`parametric_function_api` for this package's own: documents the shared arguments too."""
    def decorate(func):
        documented = inspect.cleandoc(func.__doc__)
        parameters = inspect.signature(func).parameters
        shared = [text for name, text in _SHARED_ARGUMENTS.items()
                  if name in parameters and f"\n    {name} " not in documented
                  and f"\n    {name}:" not in documented]
        if shared:
            lines = "".join(f"    {text}\n" for text in shared)
            if "\nReturns:" in documented:
                documented = documented.replace("\n\nReturns:", f"\n{lines}\nReturns:", 1)
            else:
                documented += "\n" + lines
        func.__doc__ = documented
        made = _parametric(func, scope_name, param_desc)
        made.__module__ = __package__
        return made
    return decorate


def _parametric(func, scope_name, param_desc):
    signature = inspect.signature(func)
    parameters = list(signature.parameters.values())
    if "fix_parameters" not in signature.parameters:
        raise AssertionError(f"parametric_function_api: expected {func.__name__} to have the argument "
                             f"`fix_parameters`, its signature is {signature}. Add `fix_parameters=False`.")
    places = sum(p.kind in _POSITIONAL for p in parameters)
    # With *args there is no place for a positional name.
    takes_rest = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    limit = None if takes_rest else places

    @wraps(func)
    def parametric(*args, **kwargs):
        name = kwargs.pop("name", None) if kwargs else None
        if limit is not None and len(args) == limit + 1:
            if name is not None:
                raise TypeError(f"{func.__name__}() got multiple values for argument 'name'")
            args, name = args[:limit], args[limit]
        outer = scope = parameter.current_scope
        if name is not None:
            for part in name.strip("/").split("/"):
                if part:
                    scope = parameter.child_scope(scope, part)
        for part in scopes:
            scope = parameter.child_scope(scope, part)
        parameter.current_scope = scope
        try:
            return func(*args, **kwargs)
        finally:
            parameter.current_scope = outer

    scopes = [part for part in scope_name.strip("/").split("/") if part]
    kind = inspect.Parameter.KEYWORD_ONLY if takes_rest or any(
        p.kind is p.KEYWORD_ONLY for p in parameters) else inspect.Parameter.POSITIONAL_OR_KEYWORD
    place = len(parameters) - any(p.kind is p.VAR_KEYWORD for p in parameters)
    parameters.insert(place, inspect.Parameter("name", kind, default=None))
    parametric.__signature__ = signature.replace(parameters=parameters)
    parametric.__parametric_function_api_base__ = func
    parametric.__scope_name__ = scope_name
    parametric.__doc__ = _document(func, scope_name, param_desc)
    return parametric


def _document(func, scope_name, param_desc):
    doc = inspect.cleandoc(func.__doc__) if func.__doc__ else f"Parametric function ``{func.__name__}``."
    if param_desc:
        try:
            rows = [f"    * ``{name}``, shape {shape}{'' if need_grad else ', no gradient'}: {description}"
                    for name, description, shape, need_grad in param_desc]
        except (TypeError, ValueError):
            raise ValueError(f"parametric_function_api: expected param_desc of {func.__name__} to be a list of (name, "
                             f"description, shape, need_grad), received {param_desc!r}.") from None
        if "\nRaises:" not in doc:
            doc += "\n\nRaises:\n    ValueError: a parameter exists with another shape, or shapes of the arrays do not fit."
        doc += f"\n\nParameters, in the scope ``{scope_name}`` (``<name>/{scope_name}`` when ``name`` is given):\n"
        doc += "\n".join(rows)
    return doc + "\n"
