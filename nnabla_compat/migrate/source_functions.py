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
    "round_straight_through": '''
def round_straight_through(x):
    """Round halves away from zero; the gradient passes as it is."""
    return x + (torch.sign(x) * torch.floor(torch.abs(x) + 0.5) - x).detach()
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
    clamped = x.clamp(low, high)
    steps = clamped / delta
    return clamped + (delta * torch.sign(steps) * torch.floor(torch.abs(steps) + 0.5) - clamped).detach()
''',
}
