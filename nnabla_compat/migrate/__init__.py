"""Moving code from nnabla to this package: the import alias and the command line."""
