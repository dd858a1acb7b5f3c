"""The commands of ``nnabla_cli``, one module each; :mod:`.cli` puts them together."""
