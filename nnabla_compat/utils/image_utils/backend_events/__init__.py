"""Image backends: each module wraps one library, imported when it is used."""
