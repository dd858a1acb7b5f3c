"""The extensions, one package per processor: what ``nnabla_ext.<name>`` means under the import alias."""
