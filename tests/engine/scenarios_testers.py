"""What function testers do: numbers of any type put into the inputs of one graph, run by run."""
import numpy as np

from .scenarios import scenario, var


@scenario
def inputs_of_changing_dtypes(nn, F):
    """Every run sees what was assigned before it, also after an input has become an array of another dtype."""
    out = []
    for build in (lambda x: F.sum(F.sin(x)), lambda x: F.sum(nn.grad([F.sin(x)], [x])[0])):
        x = var(nn, [.1, .2, .3])
        y = build(x)
        y.forward()
        for dtype in (np.float32, np.float64, np.float64, np.float64, np.int64, np.int64, np.float32, np.float32):
            x.d = (x.d + 1).astype(dtype)
            y.forward()
            x.g = 0
            y.backward()
            out.append([y.d.copy(), x.g.copy(), str(x.data.dtype)])
    return out
