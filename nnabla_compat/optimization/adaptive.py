r"""Update rules that scale each weight's step by the history of its squared gradient."""
import torch

from .rule import update_rule


@update_rule("Adagrad", states=("v",))
def adagrad(step, w, g, v, lr=1e-2, eps=1e-8):
    r"""Adagrad: steps shrink with the sum of squared gradients.

    .. math::
        v &\leftarrow v + g^2 \\
        w &\leftarrow w - \eta \frac{g}{\sqrt{v} + \epsilon}

    Args:
        lr (float): Learning rate :math:`\eta`.
        eps (float): Keeps the quotient finite.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Duchi, Hazan and Singer, Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization, 2011.
    """
    torch._foreach_addcmul_(v, g, g)
    scale = torch._foreach_sqrt(v)
    torch._foreach_add_(scale, eps)
    torch._foreach_addcdiv_(w, g, scale, -step.rate)


@update_rule("Adadelta", states=("e_sqr_grad", "e_sqr_delta"))
def adadelta(step, w, g, e_sqr_grad, e_sqr_delta, lr=1.0, decay=0.95, eps=1e-6):
    r"""Adadelta: the size of past steps sets the size of the next.

    .. math::
        a &\leftarrow \gamma a + (1 - \gamma) g^2 \\
        \delta &= \sqrt{\frac{b + \epsilon}{a + \epsilon}}\, g \\
        b &\leftarrow \gamma b + (1 - \gamma) \delta^2 \\
        w &\leftarrow w - \eta \delta

    with :math:`a` the state ``e_sqr_grad`` and :math:`b` the state ``e_sqr_delta``.

    Args:
        lr (float): Learning rate :math:`\eta`.
        decay (float): Decay :math:`\gamma` of the running means.
        eps (float): Starts the steps off, and keeps the quotient finite.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012.
    """
    torch._foreach_mul_(e_sqr_grad, decay)
    torch._foreach_addcmul_(e_sqr_grad, g, g, 1 - decay)
    delta = torch._foreach_add(e_sqr_delta, eps)
    torch._foreach_div_(delta, torch._foreach_add(e_sqr_grad, eps))
    torch._foreach_sqrt_(delta)
    torch._foreach_mul_(delta, g)
    torch._foreach_mul_(e_sqr_delta, decay)
    torch._foreach_addcmul_(e_sqr_delta, delta, delta, 1 - decay)
    torch._foreach_add_(w, delta, alpha=-step.rate)


@update_rule("RMSprop", states=("v",))
def rmsprop(step, w, g, v, lr=1e-3, decay=0.9, eps=1e-8):
    r"""RMSprop: steps shrink with the running mean of squared gradients.

    .. math::
        v &\leftarrow \gamma v + (1 - \gamma) g^2 \\
        w &\leftarrow w - \eta \frac{g}{\sqrt{v} + \epsilon}

    Args:
        lr (float): Learning rate :math:`\eta`.
        decay (float): Decay :math:`\gamma` of the running mean.
        eps (float): Keeps the quotient finite.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Hinton, Neural Networks for Machine Learning, lecture 6a, 2012.
    """
    torch._foreach_mul_(v, decay)
    torch._foreach_addcmul_(v, g, g, 1 - decay)
    scale = torch._foreach_sqrt(v)
    torch._foreach_add_(scale, eps)
    torch._foreach_addcdiv_(w, g, scale, -step.rate)


@update_rule("RMSpropGraves", states=("n", "g", "d"))
def rmsprop_graves(step, w, g, n, mean, d, lr=1e-4, decay=0.95, momentum=0.9, eps=1e-4):
    r"""RMSprop as Graves wrote it: scaled by the running variance of the gradient, with momentum.

    .. math::
        n &\leftarrow \rho n + (1 - \rho) e^2 \\
        g &\leftarrow \rho g + (1 - \rho) e \\
        d &\leftarrow \beta d - \eta \frac{e}{\sqrt{n - g^2 + \epsilon}} \\
        w &\leftarrow w + d

    with :math:`e` the gradient and :math:`n`, :math:`g`, :math:`d` the states.

    Args:
        lr (float): Learning rate :math:`\eta`.
        decay (float): Decay :math:`\rho` of the running means.
        momentum (float): Decay :math:`\beta` of the momentum.
        eps (float): Keeps the root real and the quotient finite.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Graves, Generating Sequences With Recurrent Neural Networks, 2013.
    """
    torch._foreach_mul_(n, decay)
    torch._foreach_addcmul_(n, g, g, 1 - decay)
    torch._foreach_mul_(mean, decay)
    torch._foreach_add_(mean, g, alpha=1 - decay)
    scale = torch._foreach_addcmul(n, mean, mean, -1)
    torch._foreach_add_(scale, eps)
    torch._foreach_sqrt_(scale)
    torch._foreach_mul_(d, momentum)
    torch._foreach_addcdiv_(d, g, scale, -step.rate)
    torch._foreach_add_(w, d)
