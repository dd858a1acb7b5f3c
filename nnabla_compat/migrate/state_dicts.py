"""State dicts of torch in files: ``.pt`` (also ``.pth``), which ``weights_only=True`` loads, and ``.safetensors``."""
from collections import OrderedDict

import numpy as np
import torch

from ..optional import require

EXTENSIONS = (".pt", ".pth", ".safetensors")


def read(source, extension, title):
    """The arrays of a state dict, by name.

    Args:
        source: File name, or open file.
        extension (str): One of EXTENSIONS.
        title (str): What to call the file in errors.

    Returns:
        OrderedDict of str to numpy array

    Raises:
        ValueError: not a state dict.
    """
    if extension == ".safetensors":
        load = require("safetensors.torch", purpose="reading .safetensors files").load
        content = _content(source)
        try:
            found = load(content)
        except Exception as error:
            raise ValueError(f"{title}: not a safetensors file, or a damaged one: {error}") from error
        # The format keeps no order; its writers sort by name.
    else:
        try:
            found = torch.load(source, map_location="cpu", weights_only=True)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            raise ValueError(f"{title}: expected a state dict that torch.load(weights_only=True) reads, got: "
                             f"{str(error).splitlines()[0] if str(error) else type(error).__name__}. Save "
                             "module.state_dict() instead of a module.") from error
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict):
        raise ValueError(f"{title}: expected a state dict, received {type(found).__name__}. Save module.state_dict().")
    wrong = [str(name) for name, value in found.items()
             if not isinstance(name, str) or not isinstance(value, torch.Tensor) or value.layout is not torch.strided]
    if wrong:
        raise ValueError(f"{title}: expected names with dense tensors, these are something else: {', '.join(wrong[:8])}"
                         f"{' ...' if len(wrong) > 8 else ''}.")
    return OrderedDict((name, array_of(value)) for name, value in found.items())


def array_of(tensor):
    """A tensor as a numpy array; bfloat16, which numpy lacks, as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).contiguous().numpy()


def write(sink, extension, arrays):
    """Write arrays by name as a state dict into an open binary file."""
    tensors = OrderedDict((name, torch.from_numpy(np.array(a, order="C"))) for name, a in arrays.items())
    if extension == ".safetensors":
        sink.write(require("safetensors.torch", purpose="writing .safetensors files").save(tensors, {"format": "pt"}))
    else:
        torch.save(tensors, sink)


def _content(source):
    if isinstance(source, str):
        with open(source, "rb") as f:
            return f.read()
    return source.read()
