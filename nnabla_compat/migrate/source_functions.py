"""Functions that written source brings along where torch has no single call, each as its text."""

FUNCTIONS = {
    "shift": '''
def shift(x, by, axis):
    """``x`` moved along an axis, its edge repeated."""
    positions = torch.arange(x.shape[axis], device=x.device) - by
    return x.index_select(axis, positions.clamp(0, x.shape[axis] - 1))
''',
    "top_n_error": '''
def top_n_error(x, target, axis, n):
    """1 where more than ``n`` scores reach that of the target, else 0."""
    score = x.gather(axis, target.long())
    return ((x >= score).sum(axis, keepdim=True) > n).to(x.dtype)
''',
    "straight_through": '''
def straight_through(x, y):
    """``y``, with the gradient going to ``x`` as it is."""
    return x + (y - x).detach()
''',
    "categorical_cross_entropy": '''
def categorical_cross_entropy(p, target, axis):
    """Minus the logarithm of the probability of each target; 0 where the target is negative."""
    p = p.gather(axis, target.long().clamp(min=0))
    return -torch.log(p + (p.clamp(min=torch.finfo(p.dtype).tiny) - p).detach()).masked_fill(target < 0, 0)
''',
    "kl_divergence": '''
def kl_divergence(p, q, axes):
    """Divergence of multinomial distributions."""
    return (p * (torch.log(p + 1e-16) - torch.log(q + 1e-16))).sum(axes).unsqueeze(-1)
''',
    "round_straight_through": '''
def round_straight_through(x):
    """Round halves away from zero; the gradient passes as it is."""
    return x + (torch.sign(x) * torch.floor(torch.abs(x) + 0.5) - x).detach()
''',
    "standardized": '''
def standardized(x, axes, eps):
    """``x`` with mean 0 and variance 1 along axes."""
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + eps)
''',
    "weight_norm": '''
def weight_norm(w, g, dim, eps):
    """Scale each slice of ``w`` along ``dim`` to the length ``g``."""
    axes = [i for i in range(w.dim()) if i != dim]
    length = torch.sqrt((w * w).sum(axes, keepdim=True) + eps)
    return g.reshape([-1 if i == dim else 1 for i in range(w.dim())]) * w / length
''',
    "quantize": '''
def quantize(x, delta, low, high):
    """Multiples of ``delta`` from ``low`` to ``high``; the gradient passes within that range."""
    steps = x.detach().clamp(low, high) / delta
    y = delta * torch.sign(steps) * torch.floor(torch.abs(steps) + 0.5)
    x = torch.where((x >= low) & (x <= high), x, x.detach())
    return x + (y - x).detach()
''',
    "power_of_two": '''
def power_of_two(x, low, high, sign, zero):
    """The nearest power of two from ``low`` to ``high``; the gradient passes up to ``high``.

    Without ``sign`` negative numbers count as 0. With ``zero`` what is far below ``low`` becomes 0.
    """
    size = x.detach().abs() if sign else x.detach().clamp(min=0)
    steps = torch.log2(size)
    level = torch.exp2(torch.sign(steps) * torch.floor(torch.abs(steps) + 0.5))
    y = level.clamp(low, high)
    if zero:
        y = torch.where(size < low * 2 ** -0.5, 0.0, y)
    y = torch.where(x < 0, -y, y) if sign else y
    passes = (level <= high) if sign else (level <= high) & (x >= 0)
    x = torch.where(passes, x, x.detach())
    return x + (y - x).detach()
''',
    "binary_step": '''
def binary_step(x, low, slope):
    """1 where ``x`` is positive, else ``low``; with the gradient ``slope`` between -1 and 1."""
    line = slope * torch.where(x.abs() < 1, x, x.detach())
    return line + (torch.where(x > 0, 1.0, low) - line).detach()
''',
    "binary_weight": '''
def binary_weight(w, zero_to, kept=None, alpha=None, axes=None):
    """The signs of ``w``, times the mean size along ``axes`` if given; the gradient passes as it is.

    Signs and sizes are kept in the buffers ``kept`` and ``alpha``.
    """
    signs = torch.where(w == 0, zero_to, torch.sign(w)).detach()
    if kept is not None:
        kept.copy_(signs)
    if axes is not None:
        size = w.detach().abs().mean(axes, keepdim=True)
        signs = signs * size
        if alpha is not None:
            alpha.copy_(size.reshape(alpha.shape))
    return w + (signs - w).detach()
''',
    "prune": '''
def prune(x, rate):
    """Zero for the smallest ``rate`` of all values; the gradient passes as it is."""
    size = x.detach().abs()
    threshold = size.flatten().sort().values[int(rate * (x.numel() - 1))]
    return x + (torch.where(size < threshold, 0.0, x) - x).detach()
''',
}
