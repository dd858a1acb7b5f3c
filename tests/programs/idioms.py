"""Habits of nnabla code: what is done to data and gradients by hand, between and around the passes."""
import threading

import nnabla as nn
import nnabla.functions as F
import nnabla.initializer as I
import nnabla.parametric_functions as PF
import nnabla.solvers as S
import numpy as np

from .kit import brief, gradients, initial, program, values


def small(seed=0, batch=4):
    x, t = nn.Variable((batch, 5)), nn.Variable((batch, 2))
    y = PF.affine(F.tanh(PF.affine(x, 6, name="a")), 2, name="b")
    rng = np.random.RandomState(seed)
    x.d, t.d = rng.randn(batch, 5), rng.randn(batch, 2)
    return x, t, y, F.mean(F.squared_error(y, t))


@program
def updates_by_hand():
    x, t, y, loss = small()
    params = nn.get_parameters()
    out = []

    def backward():
        loss.forward(clear_no_need_grad=True)
        for p in params.values():
            p.grad.zero()
        loss.backward(clear_buffer=True)
        out.append(float(loss.d))

    backward()
    for p in params.values():
        p.d -= 0.1 * p.g
    backward()
    for p in params.values():
        p.d = p.d - 0.1 * p.g
    backward()
    for p in params.values():
        p.data -= 0.1 * p.grad
    backward()
    for p in params.values():
        p.data += -0.1 * p.grad
    backward()
    for p in params.values():
        p.data.copy_from(p.data - 0.1 * p.grad)
    backward()
    for p in params.values():
        p.data = p.data - 0.1 * p.grad
    backward()
    for p in params.values():
        F.add2(p.data, -0.1 * p.grad, outputs=[p.data])
    backward()
    for p in params.values():
        p.d[...] = p.d - 0.1 * p.g
    backward()
    return out, values(params), gradients(params), values(nn.get_parameters())


@program
def gradients_changed_before_the_update():
    x, t, y, loss = small()
    params = nn.get_parameters()
    solver = S.Momentum(0.05)
    solver.set_parameters(params)
    out = []
    for i in range(8):
        loss.forward()
        solver.zero_grad()
        loss.backward(0.5 if i % 2 else 1)
        for k, p in params.items():
            if i == 1:
                p.g *= 0.5
            if i == 2:
                p.g = np.clip(p.g, -0.01, 0.01)
            if i == 3:
                p.g[...] = np.sign(p.g) * 0.01
            if i == 4:
                p.grad *= 0.3
            if i == 5 and k.endswith("b"):
                p.grad.zero()
            if i == 6:
                p.g = 0.01
            if i == 7:
                p.grad.copy_from(p.grad * 2 + 0.001)
        solver.update()
        out.append([float(loss.d), gradients(params)["a/affine/W"]])
    return out, values(params)


@program
def inputs_written_through_views():
    x, t, y, loss = small()
    xv, tv = x.d, t.d
    rng = np.random.RandomState(1)
    x.d = rng.randn(4, 5).astype(np.float32)
    xv = x.d
    out = []
    for _ in range(3):
        xv[...] = rng.randn(4, 5)
        xv[0] = 1
        x.d[1] = 2
        x.data.data[2, :] = 3
        x.data[3] = 0.5
        loss.forward(clear_buffer=True)
        out.append([float(loss.d), brief(x.d)])
    w = nn.get_parameters()["a/affine/W"]
    wv = w.d
    wv *= 0.5
    loss.forward()
    loss.backward()
    out.append([float(loss.d), brief(w.d)])
    solver = S.Sgd(0.1)
    solver.set_parameters(nn.get_parameters())
    solver.update()
    out.append([brief(wv), brief(w.d)])
    y.d[...] = 1
    out.append(brief(y.d))
    for v in (np.float16(2), 3, True, [[1] * 5] * 4, np.ones((4, 5), np.uint8), np.ones((1, 5)), 0):
        x.d = v
        loss.forward()
        out.append([float(loss.d), str(x.d.dtype)])
    return out


@program
def sharing_data_between_variables():
    x, t, y, loss = small()
    x2 = nn.Variable((4, 5))
    x2.data = x.data
    with nn.parameter_scope("second"):
        y2 = PF.affine(x2, 3)
    x.d = 1.5
    y2.forward()
    out = [brief(y2.d)]
    y2.data = y.data if y2.shape == y.shape else y2.data
    flat = x.reshape((20,), unlink=True)
    flat.d = np.arange(20)
    loss.forward()
    out.append([float(loss.d), brief(x.d), brief(x2.d)])
    z = F.reshape(y, (8,))
    z.forward()
    z.d[0] = 100
    out.append([brief(y.d), brief(z.d)])
    v = nn.Variable.from_numpy_array(np.arange(6.).reshape(2, 3), np.ones((2, 3)), True)
    part = v.data.narrow(0, 1, 1)
    part.data[...] = 7
    out.append([brief(v.d), brief(v.g), v.need_grad])
    a, b = F.split(nn.Variable.from_numpy_array(np.float32([[1, 2], [3, 4]])), axis=0)
    nn.forward_all([a, b])
    out.append([a.d, b.d])
    return out


@program
def second_order_penalties():
    """R1, path length and gradient penalties through the layers generators have."""
    x = nn.Variable((2, 3, 8, 8), need_grad=True)
    x.d = np.random.RandomState(0).randn(*x.shape)
    out = []
    nets = {
        "bn": lambda h: PF.batch_normalization(PF.convolution(h, 4, (3, 3), pad=(1, 1), with_bias=False)),
        "in": lambda h: PF.instance_normalization(PF.convolution(h, 4, (3, 3), pad=(1, 1))),
        "ln": lambda h: PF.layer_normalization(PF.convolution(h, 4, (3, 3), stride=(2, 2))),
        "gn": lambda h: PF.group_normalization(PF.convolution(h, 4, (3, 3)), num_groups=2),
        "pool": lambda h: F.average_pooling(F.max_pooling(F.swish(h), (2, 2)), (2, 2)),
        "up": lambda h: F.interpolate(F.softplus(h), scale=(2, 2), mode="linear", align_corners=True),
        "deconv": lambda h: PF.deconvolution(F.tanh(h), 4, (4, 4), (1, 1), (2, 2)),
        "pad": lambda h: PF.convolution(F.pad(F.sigmoid(h), (1, 1, 1, 1)), 2, (3, 3), group=1),
        "attention": lambda h: F.batch_matmul(F.softmax(F.batch_matmul(F.reshape(h, (2, 3, 64)), F.reshape(h, (2, 3, 64)), transpose_b=True)),
                                              F.reshape(h, (2, 3, 64))),
        "norm": lambda h: F.mean(h ** 2, axis=(2, 3)) / F.norm(h, p=2, axis=(2, 3)),
        "parts": lambda h: F.concatenate(h[:, :1] * h[:, 1:2], F.exp(h[:, ::2, 1:-1]).reshape((2, 2, 6, 8))[:, :1, :, :].reshape((2, 1, 6, 8)), axis=2),
        "sn": lambda h: PF.convolution(h, 4, (3, 3), apply_w=lambda w: PF.spectral_norm(w, dim=0)),
        "wn": lambda h: PF.convolution(h, 4, (3, 3), apply_w=lambda w: PF.weight_normalization(w, dim=0)),
        "mod": lambda h: F.convolution(F.reshape(h, (1, 6, 8, 8)), F.reshape(F.reshape(F.mean(h, axis=(2, 3)), (2, 1, 3, 1, 1)) * nn.parameter.get_parameter_or_create(
            "w", (1, 4, 3, 3, 3), I.NormalInitializer(0.2)), (8, 3, 3, 3)), group=2),
    }
    for name, net in nets.items():
        with nn.parameter_scope(name):
            y = net(x)
            y = F.sum(F.sin(y) * 0.1 + 0.01 * y ** 3)
            gx, = nn.grad([y], [x])
            penalty = F.sum(gx ** 2) + F.mean(F.abs(gx)) + y
            penalty.forward()
            params = nn.get_parameters()
            x.grad.zero()
            for p in params.values():
                p.grad.zero()
            penalty.backward()
            out.append([name, float(y.d), float(penalty.d), brief(gx.d), brief(x.g), gradients(params)])
    return out


@program
def third_order_and_jacobian_products():
    x = nn.Variable.from_numpy_array(np.float32([0.3, -0.7, 1.1]), need_grad=True)
    y = F.sum(F.exp(x) * F.sin(2 * x))
    orders = [y]
    for _ in range(3):
        orders.append(F.sum(nn.grad([orders[-1]], [x])[0]))
    nn.forward_all(orders)
    out = [float(v.d) for v in orders]
    orders[-1].backward()
    out.append(x.g.copy())
    w = nn.Variable.from_numpy_array(np.random.RandomState(0).randn(3, 4), need_grad=True)
    h = F.tanh(F.reshape(x, (1, 3)) @ w)
    v = nn.Variable.from_numpy_array(np.float32([[1, 0, -1, 2]]))
    vjp, gw = nn.grad([h], [x, w], grad_outputs=[v])
    scaled = nn.grad([h, y], [x], grad_outputs=[2.0, None])[0]
    bound = nn.grad([F.sum(h)], [w], bind_grad_output=True)[0]
    total = F.sum(vjp ** 2) + F.sum(gw * w) + F.sum(scaled)
    F.sink(total, bound).forward()
    out += [float(total.d), vjp.d, brief(gw.d), scaled.d, brief(w.g), brief(bound.d)]
    return out


@program
def recomputed_activations():
    rng = np.random.RandomState(0)
    x = nn.Variable((4, 2, 8, 8))
    x.d = rng.randn(*x.shape)
    out = []
    for on in (False, True):
        nn.clear_parameters()
        nn.seed(3)
        h = x
        for i in range(3):
            with nn.recompute(on):
                h = F.relu(PF.batch_normalization(PF.convolution(h, 4, (3, 3), pad=(1, 1), name=f"c{i}", with_bias=False), name=f"n{i}"))
                h = F.dropout(h, 0.3, seed=5 + i)
        loss = F.mean(PF.affine(h, 3) ** 2)
        solver = S.Sgd(0.1)
        solver.set_parameters(nn.get_parameters())
        curve = []
        for _ in range(3):
            loss.forward(clear_no_need_grad=True)
            solver.zero_grad()
            loss.backward(clear_buffer=True)
            solver.update()
            curve.append(float(loss.d))
        out.append([curve, gradients(nn.get_parameters())])
    return out


@program
def graphs_in_threads():
    nets = [(i, nn.Variable((3, 4))) for i in range(3)]
    losses = []
    for i, x in nets:
        x.d = np.random.RandomState(i).randn(3, 4)
        losses.append(F.sum(F.sigmoid(PF.affine(x, 5, name=f"net{i}"))))

    def work(loss):
        for _ in range(5):
            loss.forward()
            loss.backward()

    threads = [threading.Thread(target=work, args=(loss,)) for loss in losses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [float(v.d) for v in losses], gradients(nn.get_parameters())


@program
def need_grad_flags():
    x, t, y, loss = small()
    params = nn.get_parameters()
    out = [[v.need_grad for v in (x, t, y, loss)]]
    loss.forward()
    loss.backward()
    out.append(gradients(params))
    params["a/affine/W"].need_grad = False
    loss.forward()
    loss.backward()
    out.append([gradients(params), list(nn.get_parameters()), y.parent.inputs[0].parent.inputs[0].parent.need_grad])
    params["a/affine/W"].need_grad = True
    x.need_grad = True
    y.need_grad = False
    loss.forward()
    loss.backward()
    out.append([gradients(params), brief(x.g)])
    y.need_grad = True
    loss.forward()
    loss.backward()
    out.append([gradients(params), brief(x.g), brief(y.g)])
    with nn.no_grad():
        z = PF.affine(x, 6, name="a")
        out.append([z.need_grad, [v.need_grad for v in z.parent.inputs]])
    z = PF.affine(x, 6, name="a", fix_parameters=True)
    out.append([z.need_grad, [v.need_grad for v in z.parent.inputs], list(nn.get_parameters())])
    frozen = y.no_grad()
    out.append([frozen.need_grad, [v.need_grad for v in frozen.parent.inputs]])
    return out


@program
def random_functions_follow_the_seed():
    out = []
    nn.seed(7)
    noise = F.randn(0.5, 2.0, (2, 3))
    uniform = F.rand(-1, 1, shape=(4,))
    integers = F.randint(0, 10, (6,))
    kept = F.dropout(nn.Variable.from_numpy_array(np.ones((3, 4))), 0.4)
    own = F.randn(shape=(2,), seed=11)
    for _ in range(3):
        nn.forward_all([noise, uniform, integers, kept, own])
        out.append([v.d.copy() for v in (noise, uniform, integers, kept, own)])
    nn.random.set_function_seed(7)
    noise.forward()
    out.append(noise.d.copy())
    with nn.auto_forward():
        out.append([F.rand(shape=(2,)).d, F.dropout(nn.Variable.from_numpy_array(np.ones((2, 2))), 0.5).d])
    out.append(nn.random.prng.rand(3))
    out.append(initial({"a": PF.affine(noise, 3).parent.inputs[1]}))
    choice = F.random_choice(nn.Variable.from_numpy_array(np.float32([1, 2, 3])), nn.Variable.from_numpy_array(np.float32([1, 1, 1])), (5,))
    choice.forward()
    out.append([list(choice.shape), sorted(set(np.unique(choice.d)) - {1, 2, 3})])
    return out


@program
def recomputed_with_stopped_gradients_and_new_shapes():
    x = nn.Variable((2, 3), need_grad=True)
    out = []
    for flag in (None, False, True):
        with nn.recompute(True):
            h = F.exp(F.tanh(PF.affine(x, 5, name="a")))
        if flag is not None:
            h.need_grad = flag
        with nn.recompute(True):
            s = F.sin(h)
        loss = F.sum(PF.affine(F.softmax(s, axis=1) * s, 2, name="b") ** 2)
        for n in (2, 3, 4, 4):
            x.reset_shape((n, 3), True)
            x.d = np.arange(3 * n).reshape(n, 3) * 0.1
            for p in nn.get_parameters().values():
                p.grad.zero()
            x.grad.zero()
            loss.forward(clear_no_need_grad=True)
            loss.backward(clear_buffer=True)
            out.append([float(loss.d), [p.grad.zeroing for p in nn.get_parameters().values()], gradients(nn.get_parameters()), brief(x.g)])
    return out


@program
def every_use_of_a_leaf_counts():
    """Leaves of other dtypes, shared data and gradients, twins: whatever uses them adds to the gradient."""
    out = []

    def show(name, *found):
        out.append([name] + [np.float32(v) for v in found])

    def run(loss):
        if not auto:
            loss.forward()
        loss.backward()

    def leaf(values):
        return nn.Variable.from_numpy_array(values, need_grad=True)

    for auto in (False, True):
        nn.set_auto_forward(auto)
        for values in (np.arange(3.), np.arange(3)):
            x = leaf(values)
            run(F.sum(x * 2) + F.sum(x ** 2))
            show("another dtype", x.g)
            a, b = F.sum(x * 3), F.sum(x * 5)
            if not auto:
                a.forward()
                b.forward()
            x.grad.zero()
            a.backward()
            b.backward()
            show("two graphs", x.g)
            x.d = values + 1
            x.grad.zero()
            loss = F.sum(x ** 3) + F.sum(x ** 2)
            run(loss)
            show("new values", x.g, loss.d)
        x, y = leaf(np.float32([1, 2, 3])), leaf(np.float32([0, 0, 0]))
        y.data = x.data
        run(F.sum(x * 2) + F.sum(y * 3) + F.sum(y ** 2) + F.sum(x ** 2))
        show("shared data", x.g, y.g)
        x, y = leaf(np.float32([1, 2])), leaf(np.float32([3, 4]))
        y.grad = x.grad
        run(F.sum(x * 2) + F.sum(y * 3) + F.sum(y ** 2) + F.sum(x ** 2))
        show("shared gradient", x.g, y.g)
        x = leaf(np.float32([1, 2, 3]))
        h = x * 2
        if not auto:
            h.forward()
        u, v = h.get_unlinked_variable(need_grad=True), h.get_unlinked_variable(need_grad=True)
        run(F.sum(u * 3) + F.sum(u ** 2))
        show("a twin", u.g, h.g)
        u.grad.zero()
        run(F.sum(u * 3) + F.sum(v * 7))
        show("two twins", u.g, v.g)
        h.backward(grad=None)
        show("through the twin", x.g)
        x = leaf(np.float32([1, 2, 3, 4]))
        r = x.reshape((2, 2), unlink=True)
        r.need_grad = True
        run(F.sum(r * 3) + F.sum(r ** 2) + F.sum(x * 5) + F.sum(x ** 2))
        show("reshaped", x.g, r.g)
        x = leaf(np.arange(4.).reshape(1, 4))
        run(F.sum(F.concatenate(x[:, 1:], x[:, :1], axis=1) ** 2))
        show("slices", x.g)
        x = leaf(np.arange(3.))
        g, = nn.grad([F.sum(x * 2 - F.identity(x) + F.sin(x))], [x])
        if not auto:
            g.forward()
        show("nn.grad", g.d)
    nn.set_auto_forward(False)
    return out
