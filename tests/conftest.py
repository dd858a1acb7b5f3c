"""One thread for torch: the suite runs small arrays, in parallel worker processes."""
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
torch.set_num_threads(1)
