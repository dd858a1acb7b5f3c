"""nnabla's empty module; the classes are in :mod:`nnabla_compat.experimental.parametric_function_class`."""
