"""Trains a small residual network on 8x8 handwritten digits.

Ordinary nnabla code: it runs under Sony's nnabla as it stands, and under nnabla_compat with

    python -m nnabla_compat run examples/digits/train_digits.py

The data lies beside this file (see DATA.md). Everything written goes to --out.
"""
import argparse
import os
import time

import numpy as np

import nnabla as nn
import nnabla.functions as F
import nnabla.parametric_functions as PF
import nnabla.solvers as S
from nnabla.ext_utils import get_extension_context
from nnabla.monitor import Monitor, MonitorSeries, MonitorTimeElapsed
from nnabla.utils.data_iterator import data_iterator_simple
from nnabla.utils.learning_rate_scheduler import CosineScheduler, LinearWarmupScheduler

try:
    from tqdm import tqdm
except ImportError:
    tqdm = None

HERE = os.path.dirname(os.path.abspath(__file__))


# The network


class ConvBn(nn.Module):
    """Convolution and batch normalization, which normalizes by the batch only while training."""

    def __init__(self, maps, kernel=3, stride=1):
        self.maps, self.kernel, self.stride = maps, kernel, stride

    def call(self, x):
        k, s, p = self.kernel, self.stride, self.kernel // 2
        h = PF.convolution(x, self.maps, (k, k), pad=(p, p), stride=(s, s), with_bias=False)
        return PF.batch_normalization(h, batch_stat=self.training)


class ResidualUnit(nn.Module):
    """Two convolutions beside a shortcut, which is projected where the shape changes."""

    def __init__(self, maps, stride=1, project=False):
        self.conv1 = ConvBn(maps, stride=stride)
        self.conv2 = ConvBn(maps)
        if project:
            self.shortcut = ConvBn(maps, kernel=1, stride=stride)
        self.project = project

    def call(self, x):
        h = self.conv2(F.relu(self.conv1(x)))
        return F.relu(h + (self.shortcut(x) if self.project else x))


class DigitNet(nn.Module):
    """(N, 1, 8, 8) pixels to (N, 10) class scores."""

    def __init__(self, maps=16):
        self.stem = ConvBn(maps)
        self.unit1 = ResidualUnit(maps)
        self.unit2 = ResidualUnit(2 * maps, stride=2, project=True)

    def call(self, x):
        h = F.relu(self.stem(x))
        h = self.unit2(self.unit1(h))
        h = F.average_pooling(h, h.shape[2:])
        return PF.affine(h, 10)


# The data


def load_digits(path=os.path.join(HERE, "optdigits.csv.gz"), num_test=360):
    """Images scaled to 0..1 and labels, as ((train_x, train_t), (test_x, test_t))."""
    rows = np.loadtxt(path, delimiter=",")
    rows = rows[np.random.RandomState(0).permutation(len(rows))]
    x = (rows[:, :64] / 16).reshape(-1, 1, 8, 8).astype(np.float32)
    t = rows[:, 64:].astype(np.int32)
    return (x[num_test:], t[num_test:]), (x[:num_test], t[:num_test])


def shift_randomly(images, rng):
    """Each image moved by at most one pixel along each axis; zeros come in at the border."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    shifts = rng.randint(0, 3, size=(len(images), 2))
    return np.stack([p[:, dy:dy + 8, dx:dx + 8] for p, (dy, dx) in zip(padded, shifts)])


# Training and testing


def accuracy(net, images, labels, batch_size=90):
    """Share of images whose highest score is the label's."""
    net.training = False
    x = nn.Variable((batch_size, 1, 8, 8))
    y = net(x)
    net.training = True
    hits = 0
    for i in range(0, len(images), batch_size):
        x.d = images[i:i + batch_size]
        y.forward(clear_buffer=True)
        hits += (y.d.argmax(axis=1) == labels[i:i + batch_size, 0]).sum()
    return hits / len(images)


def train(args):
    (train_x, train_t), (test_x, test_t) = load_digits()
    iters_per_epoch = len(train_x) // args.batch_size
    max_iter = args.epochs * iters_per_epoch
    last_iter = min(max_iter, args.stop_after or max_iter)

    batches = data_iterator_simple(lambda i: (train_x[i], train_t[i]), len(train_x), args.batch_size,
                                   shuffle=True, rng=np.random.RandomState(1), with_file_cache=False)
    augment_rng = np.random.RandomState(2)

    nn.seed(313)
    net = DigitNet()
    x = nn.Variable((args.batch_size, 1, 8, 8))
    t = nn.Variable((args.batch_size, 1))
    y = net(x)
    loss = F.mean(F.softmax_cross_entropy(y, t))
    error = F.mean(F.top_n_error(y, t))

    solver = S.Momentum(args.learning_rate, momentum=0.9)
    solver.set_parameters(net.get_parameters(grad_only=True))
    schedule = LinearWarmupScheduler(CosineScheduler(args.learning_rate, max_iter),
                                     args.warmup * iters_per_epoch)

    monitor = Monitor(args.out)
    loss_series = MonitorSeries("Training loss", monitor, interval=1, verbose=False)
    error_series = MonitorSeries("Training error", monitor, interval=iters_per_epoch, verbose=False)
    test_series = MonitorSeries("Test accuracy", monitor, interval=1, verbose=False)
    elapsed = MonitorTimeElapsed("Training time", monitor, interval=iters_per_epoch, verbose=False)

    losses, test_accuracies = [], []
    bar = tqdm(total=last_iter, unit="step") if tqdm else None
    for i in range(last_iter):
        images, t.d = batches.next()
        x.d = shift_randomly(images, augment_rng)
        nn.forward_all([loss, error], clear_no_need_grad=True)
        solver.set_learning_rate(schedule.get_learning_rate(i))
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.weight_decay(args.weight_decay)
        solver.update()

        losses.append(float(loss.d))
        loss_series.add(i, loss.d.copy())
        error_series.add(i, error.d.copy())
        elapsed.add(i)
        if (i + 1) % iters_per_epoch == 0 or i + 1 == last_iter:
            test_accuracies.append((i + 1, accuracy(net, test_x, test_t)))
            test_series.add(i, test_accuracies[-1][1])
            state = "loss {:.4f}, test accuracy {:.2%}".format(losses[-1], test_accuracies[-1][1])
            if bar:
                bar.set_postfix_str(state)
            else:
                print("step {}/{}: {}".format(i + 1, last_iter, state))
        if bar:
            bar.update()
    if bar:
        bar.close()
    batches.close()
    return net, losses, test_accuracies, (test_x, test_t)


def draw_curve(path, losses, test_accuracies):
    """Writes the learning curve as a picture; returns whether matplotlib was there to do so."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, left = plt.subplots(figsize=(7, 4))
    left.semilogy(losses, color="tab:blue", linewidth=0.8)
    left.set_xlabel("step")
    left.set_ylabel("training loss", color="tab:blue")
    right = left.twinx()
    right.plot(*zip(*test_accuracies), color="tab:orange", marker=".")
    right.set_ylabel("test accuracy", color="tab:orange")
    right.set_ylim(0.8, 1.0)
    left.set_title("Handwritten digits, {:.2%} right on unseen images".format(test_accuracies[-1][1]))
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=0.03)
    parser.add_argument("--warmup", type=int, default=20, help="epochs in which the learning rate rises")
    parser.add_argument("--weight-decay", type=float, default=1e-4)
    parser.add_argument("--stop-after", type=int, default=0, metavar="STEPS",
                        help="end early, with the learning rates of the full run")
    parser.add_argument("--context", default="cpu", help="extension to compute with: cpu or cudnn")
    parser.add_argument("--out", default="digits_result", help="folder for what is written")
    args = parser.parse_args()
    if not os.path.isdir(args.out):
        os.makedirs(args.out)

    nn.set_default_context(get_extension_context(args.context))
    start = time.time()
    net, losses, test_accuracies, (test_x, test_t) = train(args)
    seconds = time.time() - start

    parameters = os.path.join(args.out, "digits.h5")
    net.save_parameters(parameters)
    fresh = DigitNet()
    fresh(nn.Variable((1, 1, 8, 8)))  # a first call creates the parameters that the file then replaces
    fresh.load_parameters(parameters)
    reloaded = accuracy(fresh, test_x, test_t)
    if reloaded != test_accuracies[-1][1]:
        raise RuntimeError("the reloaded network scores {:.4f}, the trained one {:.4f}".format(
            reloaded, test_accuracies[-1][1]))

    curve = os.path.join(args.out, "learning_curve.png")
    drawn = draw_curve(curve, losses, test_accuracies)
    print("Trained {} steps in {:.1f} s: {:.2%} of {} unseen digits right.".format(
        len(losses), seconds, reloaded, len(test_x)))
    print("Parameters, reloaded and checked:  {}".format(os.path.abspath(parameters)))
    print("Learning curve:                    {}".format(
        os.path.abspath(curve) if drawn else "not drawn, pip install matplotlib"))
    print("Loss, error, accuracy and time:    {}".format(os.path.abspath(args.out) + os.sep + "*.txt"))


if __name__ == "__main__":
    main()
