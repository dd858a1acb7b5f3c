r"""Adam and its relatives: running means of the gradient and of its square."""
import math

import numpy as np
import torch

from .rule import update_rule


def bias_correction(beta1, beta2):
    r"""The factor on Adam's learning rate at update t, :math:`\sqrt{1 - \beta_2^t} / (1 - \beta_1^t)`."""
    return lambda t: (1 - beta2 ** t) ** 0.5 / (1 - beta1 ** t)


def _moments(g, mean, var, beta1, beta2):
    torch._foreach_mul_(mean, beta1)
    torch._foreach_add_(mean, g, alpha=1 - beta1)
    torch._foreach_mul_(var, beta2)
    torch._foreach_addcmul_(var, g, g, 1 - beta2)


# torch's fused kernel divides the means by 1 - beta ** step: at this step that is 1.
_UNCORRECTED = torch.tensor(float("inf"))


def _descend(step, w, g, mean, var, beta1, beta2, eps):
    """Adam's step, with the moments it needs. On the CPU one fused kernel does it where all counters agree: torch's
    foreach functions loop over the tensors there."""
    correction = bias_correction(beta1, beta2)
    rate = step.each(lambda t: step.rate * correction(t))
    if isinstance(rate, float) and w[0].device.type == "cpu":
        torch._fused_adam_(w, g, mean, var, [], [_UNCORRECTED] * len(w), lr=rate, beta1=beta1, beta2=beta2,
                           weight_decay=0.0, eps=eps, amsgrad=False, maximize=False)
        return
    _moments(g, mean, var, beta1, beta2)
    negative = [-r for r in rate] if isinstance(rate, list) else -rate
    torch._foreach_addcdiv_(w, mean, _root(var, eps), negative)


def _root(var, eps):
    scale = torch._foreach_sqrt(var)
    torch._foreach_add_(scale, eps)
    return scale


@update_rule("Adam", states=("mean", "var"))
def adam(step, w, g, mean, var, alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    r"""Adam.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        w &\leftarrow w - \alpha \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m}{\sqrt{v} + \epsilon}

    with :math:`m` the state ``mean``, :math:`v` the state ``var`` and :math:`t` the parameter's number of
    updates.

    Args:
        alpha (float): Learning rate :math:`\alpha`.
        beta1 (float): Decay :math:`\beta_1` of the mean.
        beta2 (float): Decay :math:`\beta_2` of the mean square.
        eps (float): Keeps the quotient finite.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015.
    """
    _descend(step, w, g, mean, var, beta1, beta2, eps)


@update_rule("AdamW", states=("mean", "var"), fused=True)
def adamw(step, w, g, mean, var, alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=1e-4):
    r"""Adam with decoupled weight decay.

    .. math::
        w \leftarrow w - \alpha \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m}{\sqrt{v} + \epsilon}
            - \frac{\alpha}{\alpha_0} \lambda w

    with the running means :math:`m` and :math:`v` of :func:`Adam`. :math:`\alpha_0` is the argument
    ``alpha`` and :math:`\alpha` the current learning rate, so that the decay follows its schedule.

    Args:
        alpha (float): Initial learning rate :math:`\alpha_0`.
        beta1 (float): Decay :math:`\beta_1` of the mean.
        beta2 (float): Decay :math:`\beta_2` of the mean square.
        eps (float): Keeps the quotient finite.
        wd (float): Weight decay :math:`\lambda` of updates that no call of ``weight_decay`` precedes.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019.
    """
    torch._foreach_mul_(w, 1 - step.relative_rate(alpha) * step.decay)
    _descend(step, w, g, mean, var, beta1, beta2, eps)


@update_rule("Adamax", states=("m", "u"))
def adamax(step, w, g, m, u, alpha=2e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    r"""Adamax: Adam with the infinity norm.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        u &\leftarrow \max(\beta_2 u, |g|) \\
        w &\leftarrow w - \frac{\alpha}{1 - \beta_1^t} \frac{m}{u + \epsilon}

    Args:
        alpha (float): Learning rate :math:`\alpha`.
        beta1 (float): Decay :math:`\beta_1` of the mean.
        beta2 (float): Decay :math:`\beta_2` of the norm.
        eps (float): Keeps the quotient finite.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015.
    """
    torch._foreach_mul_(m, beta1)
    torch._foreach_add_(m, g, alpha=1 - beta1)
    torch._foreach_mul_(u, beta2)
    torch._foreach_maximum_(u, torch._foreach_abs(g))
    torch._foreach_addcdiv_(w, m, torch._foreach_add(u, eps), step.each(lambda t: -step.rate / (1 - beta1 ** t)))


@update_rule("AMSGRAD", states=("m", "v", "v_hat"))
def amsgrad(step, w, g, m, v, v_hat, alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, bias_correction=False):
    r"""AMSGrad: Adam whose mean square never falls.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \hat v &\leftarrow \max(\hat v, v) \\
        w &\leftarrow w - \alpha \frac{m}{\sqrt{\hat v} + \epsilon}

    Args:
        alpha (float): Learning rate :math:`\alpha`.
        beta1 (float): Decay :math:`\beta_1` of the mean.
        beta2 (float): Decay :math:`\beta_2` of the mean square.
        eps (float): Keeps the quotient finite.
        bias_correction (bool): Multiply :math:`\alpha` with Adam's correction.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Reddi, Kale and Kumar, On the Convergence of Adam and Beyond, 2018.
    """
    _moments(g, m, v, beta1, beta2)
    torch._foreach_maximum_(v_hat, v)
    torch._foreach_addcdiv_(w, m, _root(v_hat, eps), _rate(step, beta1, beta2, bias_correction, sign=-1))


def _rate(step, beta1, beta2, corrected, sign=1):
    if not corrected:
        return sign * step.rate
    correction = bias_correction(beta1, beta2)
    return step.each(lambda t: sign * step.rate * correction(t))


@update_rule("AdaBound", states=("mean", "var"))
def adabound(step, w, g, mean, var, alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, final_lr=0.1, gamma=1e-3):
    r"""Adam with step sizes kept between bounds that close in on SGD's.

    .. math::
        \eta &= \mathrm{clip}\left(\alpha \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
            \frac{1}{\sqrt{v} + \epsilon},\;
            f \left(1 - \frac{1}{\gamma t + 1}\right),\; f \left(1 + \frac{1}{\gamma t}\right)\right) \\
        w &\leftarrow w - \eta\, m

    with the running means :math:`m` and :math:`v` of :func:`Adam`, and :math:`f` the final learning rate
    scaled like the current one: ``final_lr`` times :math:`\alpha / \alpha_0`.

    Args:
        alpha (float): Initial learning rate :math:`\alpha_0`.
        beta1 (float): Decay :math:`\beta_1` of the mean.
        beta2 (float): Decay :math:`\beta_2` of the mean square.
        eps (float): Keeps the quotient finite.
        final_lr (float): Learning rate that the bounds close in on.
        gamma (float): How fast they do.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Luo et al., Adaptive Gradient Methods with Dynamic Bound of Learning Rate, 2019.
    """
    _moments(g, mean, var, beta1, beta2)
    final = final_lr * step.relative_rate(alpha)
    _bounded_update(step, w, mean, var, _rate(step, beta1, beta2, True), eps,
                    least=lambda t: final * (1 - 1 / (gamma * t + 1)),
                    largest=lambda t: final * (1 + 1 / (gamma * t)) if gamma else math.inf)


def _bounded_update(step, w, mean, var, rate, eps, least, largest):
    size = _root(var, eps)
    torch._foreach_reciprocal_(size)
    torch._foreach_mul_(size, rate)
    torch._foreach_clamp_min_(size, step.each(least))
    torch._foreach_clamp_max_(size, step.each(largest))
    torch._foreach_addcmul_(w, size, mean, -1)


@update_rule("AMSBound", states=("m", "v", "v_hat"))
def amsbound(step, w, g, m, v, v_hat, alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, final_lr=0.1, gamma=1e-3,
             bias_correction=False):
    r"""AMSGrad with step sizes kept between bounds that close in on SGD's.

    The mean square of :func:`AMSGRAD` in the update of :func:`AdaBound`, with
    :math:`f (1 + t / \gamma)` as the upper bound.

    Args:
        alpha (float): Initial learning rate :math:`\alpha_0`.
        beta1 (float): Decay :math:`\beta_1` of the mean.
        beta2 (float): Decay :math:`\beta_2` of the mean square.
        eps (float): Keeps the quotient finite.
        final_lr (float): Learning rate that the bounds close in on.
        gamma (float): How fast they do.
        bias_correction (bool): Multiply the learning rate with Adam's correction.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Luo et al., Adaptive Gradient Methods with Dynamic Bound of Learning Rate, 2019.
    """
    _moments(g, m, v, beta1, beta2)
    torch._foreach_maximum_(v_hat, v)
    final = final_lr * step.relative_rate(alpha)
    # nnabla's upper bound grows with t here; the paper's, and AdaBound's, is final * (1 + 1 / (gamma * t)).
    _bounded_update(step, w, m, v_hat, _rate(step, beta1, beta2, bias_correction), eps,
                    least=lambda t: final * (1 - 1 / (gamma * t + 1)),
                    largest=lambda t: final * (1 + t / gamma) if gamma else math.inf)


@update_rule("AdaBelief", fused=lambda arguments: arguments["weight_decouple"],
             states=lambda arguments: ("mean", "var", "s_max") if arguments["amsgrad"] else ("mean", "var"))
def adabelief(step, w, g, mean, var, s_max=None, /, alpha=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.0,
              amsgrad=False, weight_decouple=False, fixed_decay=False, rectify=False):
    r"""AdaBelief: steps shrink with the gradient's distance from its running mean.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        s &\leftarrow \beta_2 s + (1 - \beta_2) (g - m)^2 + \epsilon \\
        w &\leftarrow w - \frac{\alpha}{1 - \beta_1^t} \frac{m}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}

    with :math:`m` the state ``mean`` and :math:`s` the state ``var``.

    Args:
        alpha (float): Learning rate :math:`\alpha`.
        beta1 (float): Decay :math:`\beta_1` of the mean.
        beta2 (float): Decay :math:`\beta_2` of the squared distance.
        eps (float): Keeps the quotient finite.
        wd (float): With ``weight_decouple``, the weight decay :math:`\lambda` of updates that no call of
            ``weight_decay`` precedes.
        amsgrad (bool): Use the largest :math:`s` so far, kept in the state ``s_max``.
        weight_decouple (bool): Weight decay takes :math:`\alpha \lambda w` off the weights in the update,
            rather than being added to the gradients.
        fixed_decay (bool): With ``weight_decouple``, the decay is :math:`\lambda w`, whatever the learning rate.
        rectify (bool): Rectify the step's variance as RAdam does; the first steps follow the mean alone.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: Zhuang et al., AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients, 2020.
    """
    if step.decay:
        torch._foreach_mul_(w, 1 - step.decay * (1 if fixed_decay else step.rate))
    torch._foreach_mul_(mean, beta1)
    torch._foreach_add_(mean, g, alpha=1 - beta1)
    distance = torch._foreach_sub(g, mean)
    torch._foreach_mul_(var, beta2)
    torch._foreach_addcmul_(var, distance, distance, 1 - beta2)
    torch._foreach_add_(var, eps)
    if amsgrad:
        torch._foreach_maximum_(s_max, var)
        var = s_max
    scale = torch._foreach_sqrt(var)
    torch._foreach_mul_(scale, step.each(lambda t: 1 / math.sqrt(_remainder(beta2, t))))
    torch._foreach_add_(scale, eps)
    if not rectify:
        torch._foreach_addcdiv_(w, mean, scale, step.each(lambda t: -step.rate / _remainder(beta1, t)))
        return
    factors = [_rectification(beta2, t) for t in step.t]
    rates = [-step.rate * (1 if f is None else f / _remainder(beta1, t)) for f, t in zip(factors, step.t)]
    for one, f in zip(scale, factors):
        if f is None:
            one.fill_(1)
    torch._foreach_addcdiv_(w, mean, scale, rates)


def _remainder(beta, t):
    """``1 - beta ** t`` in float32, whose rounding shows in AdaBelief's first updates."""
    return float(np.float32(1) - np.float32(beta ** t))


def _rectification(beta2, t):
    """RAdam's factor on the learning rate, or None while the variance has no estimate (rho <= 4).

    In float32 like nnabla's: rho is a small difference of large numbers.
    """
    one = np.float32(1)
    power = np.float32(beta2 ** t)
    limit = np.float32(2) / (one - np.float32(beta2)) - one
    rho = float(limit - np.float32(2 * t) * power / (one - power))
    limit = float(limit)
    if rho <= 4:
        return None
    return math.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))


@update_rule("Lamb", states=("mean", "var"), fused=True)
def lamb(step, w, g, mean, var, eta=1e-3, beta1=0.9, beta2=0.999, gamma_l=0.0, gamma_u=10.0, eps=1e-6,
         bias_correction=False):
    r"""LAMB: Adam's direction, scaled layer by layer to the size of the weights.

    .. math::
        r &= \frac{m}{\sqrt{v} + \epsilon} + \lambda w \\
        w &\leftarrow w - \eta \frac{\mathrm{clip}(\lVert w \rVert, \gamma_l, \gamma_u)}{\lVert r \rVert}\, r

    with the running means :math:`m` and :math:`v` of :func:`Adam`, the norms over one parameter, and
    :math:`\lambda` the rate given to ``weight_decay``, 0 by default. Where :math:`\lVert r \rVert < \epsilon`,
    the quotient of norms is 1.

    Args:
        eta (float): Learning rate :math:`\eta`.
        beta1 (float): Decay :math:`\beta_1` of the mean.
        beta2 (float): Decay :math:`\beta_2` of the mean square.
        gamma_l (float): Least size of the weights counted with.
        gamma_u (float): Largest size of the weights counted with.
        eps (float): Keeps the quotient finite.
        bias_correction (bool): Divide the running means by :math:`1 - \beta^t` first.

    Returns:
        Solver: A solver without parameters; hand it some by ``set_parameters``.

    Source: You et al., Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, 2020.
    """
    _moments(g, mean, var, beta1, beta2)
    scale = torch._foreach_sqrt(var)
    direction = mean
    if bias_correction:
        torch._foreach_mul_(scale, step.each(lambda t: (1 - beta2 ** t) ** -0.5))
        direction = torch._foreach_mul(mean, step.each(lambda t: 1 / (1 - beta1 ** t)))
    torch._foreach_add_(scale, eps)
    direction = torch._foreach_div(direction, scale)
    if step.decay:
        torch._foreach_add_(direction, w, alpha=step.decay)
    size = torch.stack(torch._foreach_norm(w)).clamp(gamma_l, gamma_u)
    slope = torch.stack(torch._foreach_norm(direction))
    trust = torch.where(slope < eps, 1.0, size / slope)
    torch._foreach_mul_(direction, (step.rate * trust).unbind())
    torch._foreach_sub_(w, direction)
