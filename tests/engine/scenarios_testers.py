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


def second_gradients(nn, F, build, inputs):
    """Gradients of the gradients of ``build`` by its inputs and by the gradients that go in."""
    xs = [var(nn, x) for x in inputs]
    y = build(*xs)
    incoming = var(nn, np.random.RandomState(1).randn(*y.shape))
    total = sum(F.sum(g * g) for g in nn.grad([y], xs, [incoming]))
    total.forward()
    for v in (*xs, incoming):
        v.g = 0
    total.backward()
    return [np.round(v.g, 4) for v in (*xs, incoming)]


@scenario
def second_gradients_of_output_padding(nn, F):
    r = np.random.RandomState(2)
    out = []
    for pad in ((0, 0), (1, 1)):
        out.append(second_gradients(nn, F, lambda x, w, b: F.deconvolution(
            x, w, b, pad=pad, stride=(2, 2), output_padding=(1, 0)), [r.randn(1, 2, 2, 2), r.randn(2, 1, 2, 3), r.randn(1)]))
    return out


@scenario
def incremental_quantization_restarts(nn, F):
    """Fixed weights that somebody overwrites come back; their levels follow the largest weight, and the indicator."""
    x, w, fixed = (nn.Variable.from_numpy_array(np.float32([v])) for v in (
        [1], [1, .25, .3, .7, .1], [1, 1, 1, 0, 0]))
    y = F.inq_affine(x, w, fixed, num_bits=3, inq_iterations=(6, 7))
    out = []
    for values, marks in (([1, .25, .3, .7, .1], None), ([9, 9, 9, 16, .1], None), ([9, 9, 9, 16, .1], [1, 1, 0, 1, 1]),
                          ([2, 2, 2, 2, 2], [1, 0, 0, 0, 0]), ([2, 2, 2, 2, 2], None), ([2, 2, 2, .1, .3], [0, 0, 0, 1, 2]),
                          ([1, 2, 4, 5, 8], [0, 0, 0, 1, 0]), ([1, 2, 4, 5, 8], None), ([1, 1, 1, 1, 1], None)):
        w.d = np.float32([values])
        if marks is not None:
            fixed.d = np.float32([marks])
        y.forward()
        out.append([w.d.tolist(), fixed.d.astype(int).tolist(), y.d.tolist()])
    return out


@scenario
def gradients_of_assignments(nn, F):
    """What is overwritten gets the gradient of the output, be it a leaf or computed, what is written gets none."""
    out = []
    for need_grad in ((True, True), (True, False)):
        dst, src = (nn.Variable((2,), need_grad=n) for n in need_grad)
        dst.d, src.d = np.float64([1, 2]), 1.5      # the array that is written to becomes float32
        y = F.assign(dst, src)
        z = F.sum(y * y)
        for _ in range(2):
            z.forward()
            dst.g, src.g = .5, .25
            z.backward()
            out.append([dst.d.copy(), str(dst.data.dtype), dst.g.copy(), src.g.copy(), y.d.copy(), y.g.copy()])
            src.d = 3
        y.g = [3, 4]
        for accum in ([True, True], [False, True]):
            y.parent.backward([dst, src], [y], accum)
            out.append([dst.g.copy(), src.g.copy()])
    x = var(nn, [1., 2.])
    h = x * 2
    z = F.assign(h, x + 5) * 3
    z.forward()
    x.g = 0
    z.backward()
    return out + [x.g.copy(), h.d.copy()]


@scenario
def gradients_by_hand_of_converted_inputs(nn, F):
    """Functions with chance or memory, called at once on numbers of another type than they compute in."""
    out = []
    for dtype in (np.float32, np.float64, np.float16):
        for config in ("float", "half"):
            x = nn.Variable.from_numpy_array(np.arange(6).reshape(1, 6).astype(dtype), need_grad=True)
            with nn.context_scope(nn.ext_utils.get_extension_context("cpu", type_config=config)), nn.auto_forward():
                calls = [F.dropout(x, .5, seed=3), F.interpolate(x, output_size=(12,), mode="nearest"), F.tanh(x)]
            for y in calls:
                y.g, x.g = np.arange(y.size).reshape(y.shape), 0
                y.parent.backward([x], [y])
                out.append([np.asarray(x.g, np.float32).round(2), str(y.data.dtype)])
    return out


@scenario
def results_read_before_backward(nn, F):
    """A run that keeps nothing leaves its result; reading that, however it lies in memory, spoils no gradient."""
    out = []
    for build in (F.batch_inv, F.tanh, lambda x: F.transpose(x * x, (0, 2, 1)), lambda x: F.broadcast(x[:, :1] * 2, (1, 3, 3))):
        for runs in (1, 2):
            x = var(nn, 2 * np.eye(3)[None] + .1)
            y = build(x)
            for _ in range(runs):
                y.forward(clear_buffer=True)
                y.d.copy()
            x.g = 1
            y.backward(np.arange(9).reshape(1, 3, 3), clear_buffer=True)
            out.append(np.round(x.g, 3))
    return out


@scenario
def backward_of_a_run_that_kept_nothing(nn, F):
    """Gradients belong to the numbers that were drawn, running statistics move once, and streams go on behind the run."""
    nn.seed(5)
    out = []
    for build in (lambda x: F.dropout(x, .5), lambda x: F.dropout(F.dropout(x, .5, seed=3), .5)):
        x = var(nn, np.ones((2, 6)))
        y = F.sum(build(x))
        for _ in range(3):
            y.forward(clear_buffer=True)
            x.g = 0
            y.backward()
            out.append([round(float(y.d), 4), np.round(x.g, 4)])
    mean, variance = nn.Variable.from_numpy_array(np.zeros((1, 6))), nn.Variable.from_numpy_array(np.ones((1, 6)))
    one = var(nn, np.ones((1, 6)))
    y = F.sum(F.batch_normalization(var(nn, np.arange(12).reshape(2, 6)), one, one, mean, variance))
    y.forward(clear_buffer=True)
    y.backward()
    out.append([mean.d.round(4), variance.d.round(4)])
    return out
