"""Old paths that code still imports from."""
