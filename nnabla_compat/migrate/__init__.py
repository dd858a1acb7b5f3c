"""Moving from nnabla: the import alias, the command line, and files and networks as torch's.

==========================  ============================================================================
``alias``, ``launch``       programs written for nnabla, run on this package
``layouts``                 the table of how both lay out parameters; ``parameter_conversion`` follows it
``parameter_files``         ``convert`` of parameters to state dicts and back
``network_export``          ``convert`` of networks to exported programs and ONNX
``source_export``           ``export-source``: ``source_operators``, ``source_arrays`` and ``source_formulas`` say how
                            each operator is written, ``source_classes`` and ``source_loops`` find what belongs
                            together and what repeats, ``source_text`` gives names
``port``                    ``port``: sources that import nnabla, rewritten
==========================  ============================================================================
"""
