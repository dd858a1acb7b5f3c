"""Modules and graph descriptions."""
