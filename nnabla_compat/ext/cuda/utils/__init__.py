"""Tools for CUDA devices."""
