"""Programs written for nnabla as its users write them, run alike on the real nnabla and on this package.

The files named in TOPICS import nnabla's names and nothing of this package. A program returns what its
author would look at; :mod:`.test_programs` compares that with what the real nnabla gave.
"""
TOPICS = ("classification", "generation", "sequences", "graphs", "training", "idioms", "random_networks")
