"""inspect.Signature with editing, and formatting of single parts."""
import inspect

P = inspect.Parameter

# In the order a signature has them.
PARAM_KINDS = [P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD, P.VAR_POSITIONAL, P.KEYWORD_ONLY, P.VAR_KEYWORD]
param_kind_to_int = {kind: i for i, kind in enumerate(PARAM_KINDS)}


class SignatureEx(inspect.Signature):
    """A signature that gives edited copies of itself; make it with ``SignatureEx.from_callable(f)``."""

    @classmethod
    def from_function(cls, func):
        """The signature of a Python function."""
        return cls.from_callable(func)

    @classmethod
    def from_builtin(cls, func):
        """The signature of a built-in function."""
        return cls.from_callable(func)

    def drop_arg(self, argname, raise_if_not_found=False):
        """A copy without a parameter.

        Raises:
            KeyError: There is none of that name, and ``raise_if_not_found``.
        """
        if raise_if_not_found and argname not in self.parameters:
            raise KeyError(f"'{argname}' not found in {list(self.parameters)}")
        return self.replace(parameters=[p for name, p in self.parameters.items() if name != argname])

    def add_arg(self, argname, kind=P.POSITIONAL_OR_KEYWORD, *, default=P.empty, annotation=P.empty):
        """A copy with one parameter more, the last of its kind."""
        parameters = list(self.parameters.values())
        place = sum(param_kind_to_int[p.kind] <= param_kind_to_int[kind] for p in parameters)
        parameters.insert(place, P(argname, kind, default=default, annotation=annotation))
        return self.replace(parameters=parameters)

    @property
    def has_return_annotation(self):
        return self.return_annotation is not self.empty

    def format_argument_signature(self):
        """The parameters as written in a definition, without parentheses."""
        return str(self.replace(return_annotation=self.empty))[1:-1]

    def format_return_annotation(self):
        """`` -> annotation``, or nothing."""
        return str(self)[len(str(self.replace(return_annotation=self.empty))):]

    def format_caller_argument_signature(self):
        """The arguments of a call that passes every parameter on under its name."""
        forms = {P.VAR_POSITIONAL: "*{}", P.VAR_KEYWORD: "**{}", P.KEYWORD_ONLY: "{0}={0}"}
        return ", ".join(forms.get(p.kind, "{}").format(name) for name, p in self.parameters.items())
