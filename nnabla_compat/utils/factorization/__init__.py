"""Tensor factorizations."""
