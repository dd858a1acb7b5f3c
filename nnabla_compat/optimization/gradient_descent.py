r"""Update rules that follow the gradient, with or without momentum."""
import torch

from .rule import update_rule


@update_rule("Sgd")
def sgd(step, w, g, lr=1e-3):
    r"""Stochastic gradient descent.

    .. math:: w \leftarrow w - \eta\, g

    Args:
        lr (float): Learning rate :math:`\eta`.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.
    """
    torch._foreach_add_(w, g, alpha=-step.rate)


@update_rule("SgdW", states=("m",), fused=True)
def sgdw(step, w, g, m, lr=1e-3, momentum=0.9, wd=1e-4):
    r"""Stochastic gradient descent with momentum and decoupled weight decay.

    .. math::
        m &\leftarrow \gamma m + \eta\, g \\
        w &\leftarrow w - m - \frac{\eta}{\eta_0} \lambda w

    :math:`\eta_0` is ``lr`` and :math:`\eta` the current learning rate, so that the decay follows the
    learning rate's schedule.

    Args:
        lr (float): Initial learning rate :math:`\eta_0`.
        momentum (float): Decay :math:`\gamma` of the momentum.
        wd (float): Weight decay :math:`\lambda` of updates that no call of ``weight_decay`` precedes.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019.
    """
    torch._foreach_mul_(m, momentum)
    torch._foreach_add_(m, g, alpha=step.rate)
    torch._foreach_mul_(w, 1 - step.relative_rate(lr) * step.decay)
    torch._foreach_sub_(w, m)


@update_rule("Momentum", states=("m",))
def momentum_(step, w, g, m, lr=1e-3, momentum=0.9):
    r"""Stochastic gradient descent with momentum.

    .. math::
        m &\leftarrow \gamma m + \eta\, g \\
        w &\leftarrow w - m

    Args:
        lr (float): Learning rate :math:`\eta`.
        momentum (float): Decay :math:`\gamma` of the momentum.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Qian, On the momentum term in gradient descent learning algorithms, 1999.
    """
    # On the CPU torch's foreach functions loop over the tensors, its fused optimizers don't. torch's momentum takes up
    # the plain gradient and scales it later, nnabla's takes up the scaled one: that is what the dampening says.
    torch._fused_sgd_(w, g, m, weight_decay=0.0, momentum=momentum, lr=1.0, dampening=1 - step.rate, nesterov=False,
                      maximize=False, is_first_step=False)


@update_rule("Nesterov", states=("m",))
def nesterov(step, w, g, m, lr=1e-3, momentum=0.9):
    r"""Nesterov's accelerated gradient.

    .. math::
        m' &= \gamma m - \eta\, g \\
        w &\leftarrow w - \gamma m + (1 + \gamma) m' \\
        m &\leftarrow m'

    Args:
        lr (float): Learning rate :math:`\eta`.
        momentum (float): Decay :math:`\gamma` of the momentum.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Nesterov, A method for unconstrained convex minimization problem with the rate of convergence
    o(1/k^2), 1983.
    """
    torch._foreach_add_(w, m, alpha=-momentum)
    torch._foreach_mul_(m, momentum)
    torch._foreach_add_(m, g, alpha=-step.rate)
    torch._foreach_add_(w, m, alpha=1 + momentum)


@update_rule("Lars", states=("v",), fused=True)
def lars(step, w, g, v, lr=1e-3, momentum=0.9, coefficient=1e-3, eps=1e-6):
    r"""Layer-wise adaptive rate scaling, with momentum.

    .. math::
        \mu &= c \frac{\lVert w \rVert}{\lVert g \rVert + \lambda \lVert w \rVert} \\
        v &\leftarrow \gamma v + \eta \mu (g + \lambda w) \\
        w &\leftarrow w - v

    The norms run over one parameter; :math:`\lambda` is the rate given to ``weight_decay``, 0 by default.

    Args:
        lr (float): Learning rate :math:`\eta`.
        momentum (float): Decay :math:`\gamma` of the momentum.
        coefficient (float): Trust coefficient :math:`c`.
        eps (float): Is added to a denominator smaller than itself. Where the weights' norm is smaller than
            ``eps``, :math:`\mu` is 1.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: You et al., Large Batch Training of Convolutional Networks, 2017.
    """
    size, slope = torch.stack(torch._foreach_norm(w)), torch.stack(torch._foreach_norm(g))
    slope = slope + step.decay * size
    slope = torch.where(slope < eps, slope + eps, slope)
    local = torch.where(size < eps, 1.0, coefficient * size / slope)
    direction = torch._foreach_add(g, w, alpha=step.decay) if step.decay else g
    torch._foreach_mul_(v, momentum)
    torch._foreach_add_(v, torch._foreach_mul(direction, (step.rate * local).unbind()))
    torch._foreach_sub_(w, v)


@update_rule("Lion", states=("m",), fused=True)
def lion(step, w, g, m, lr=1e-4, beta1=0.9, beta2=0.99):
    r"""Lion: momentum of which only the sign is used.

    .. math::
        u &= \mathrm{sign}(\beta_1 m + (1 - \beta_1) g) \\
        m &\leftarrow \beta_2 m + (1 - \beta_2) g \\
        w &\leftarrow w - \eta (u + \lambda w)

    :math:`\lambda` is the rate given to ``weight_decay``, 0 by default.

    Args:
        lr (float): Learning rate :math:`\eta`.
        beta1 (float): Share :math:`\beta_1` of the momentum in the direction.
        beta2 (float): Decay :math:`\beta_2` of the momentum.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms, 2023.
    """
    direction = torch._foreach_mul(m, beta1)
    torch._foreach_add_(direction, g, alpha=1 - beta1)
    torch._foreach_sign_(direction)
    torch._foreach_mul_(m, beta2)
    torch._foreach_add_(m, g, alpha=1 - beta2)
    if step.decay:
        torch._foreach_mul_(w, 1 - step.rate * step.decay)
    torch._foreach_add_(w, direction, alpha=-step.rate)
