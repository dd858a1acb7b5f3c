"""The bridge to torch: tensors, modules, parameters, names."""
