"""Operators that steer a graph, select boxes, or work on the bits of integers."""
import torch

from ..registry import AsIs, State, Tensor, operator
from .autograd import apply
from .shapes import broadcast_pair, normalize_axis, require_equal_axes, same_shape


@operator("Unlink", shape=same_shape, aliases=True, backward_reads="")
def unlink(x: AsIs):
    """The same values, over the same storage, cut off from the graph: no gradient reaches ``x``.

    Args:
        x: Array of any shape.

    Returns:
        Array that shares the storage of ``x``.
    """
    return x.detach()


class _Sink(torch.autograd.Function):
    @staticmethod
    def forward(one_input_grad, *x):
        return x[0].new_zeros(())

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.one_input_grad = inputs[0]
        ctx.shapes = [x.shape for x in inputs[1:]]

    @staticmethod
    def backward(ctx, grad):
        if not ctx.one_input_grad:
            return (None,) * (len(ctx.shapes) + 1)
        one = torch.ones_like(grad)
        return None, *[one.expand(shape) for shape in ctx.shapes]


_NOTHING = torch.zeros(())
_copy_on_write = getattr(torch, "_lazy_clone", torch.clone)


def _direct_sink(*x, one_input_grad):
    # Not recorded: backward from a sink starts at its inputs.
    return lambda *x: _copy_on_write(_NOTHING) if x[0].is_cpu else x[0].new_zeros(())


@operator("Sink", shape=lambda *x, one_input_grad=True: (), keeps_inputs=True, backward_reads="", half=False,
          direct=_direct_sink)
def sink(*x: Tensor, one_input_grad: bool = True):
    """A root that holds several variables together, to run them forward and backward at once.

    Args:
        x: Arrays of any shapes.
        one_input_grad (bool): Backward gives each input a gradient of ones, whatever the gradient of the
            sink; otherwise backward begins with the gradients the inputs hold.

    Returns:
        The scalar 0.
    """
    assert x, "sink: expected at least one input, received none"
    return apply(_Sink, one_input_grad, *x)


class _VATNoise(torch.autograd.Function):
    """Keeps the incoming gradient in a buffer instead of passing it on."""

    @staticmethod
    def forward(x, y, w, eps):
        return y.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, _, ctx.w, ctx.eps = inputs

    @staticmethod
    def backward(ctx, dy):
        ctx.w.data.copy_(ctx.eps * dy)
        return torch.zeros_like(dy), None, None, None


def _vat_noise_shape(x, w, base_axis=1, eps=1.0):
    if x != w:
        raise ValueError(f"expected inputs of the same shape, received {x} and {w}")
    normalize_axis(base_axis, len(x))
    return x


@operator("VATNoise", shape=_vat_noise_shape, backward_reads="")
def vat_noise(x: Tensor, w: State, base_axis: int = 1, eps: float = 1.0):
    r"""Noise scaled to length ``eps`` for virtual adversarial training.

    .. math:: y = \epsilon \, x / \lVert x \rVert_2

    for each sample. Backward writes the gradient, times ``eps``, into ``w``, the noise of the next round,
    and passes none on.

    Args:
        x: Noise; its axes before ``base_axis`` count samples.
        w: Buffer shaped as ``x`` that receives the gradient.
        base_axis (int): First axis of a sample.
        eps (float): Length of the noise.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: the shapes differ, or ``base_axis`` is out of range.

    Source: Miyato et al., Distributional smoothing with virtual adversarial training, 2016.
    """
    v = x.detach()
    axes = tuple(range(base_axis % v.ndim if v.ndim else 0, v.ndim))
    y = eps * v / torch.linalg.vector_norm(v, dim=axes, keepdim=True)
    return apply(_VATNoise, x, y, w, eps)


_SIGNED = {torch.uint16: torch.int64, torch.uint32: torch.int64, torch.uint64: torch.int64}


@operator("Mod2", shape=broadcast_pair, backward_reads="x0 x1 out")
def mod2(x0: AsIs, x1: AsIs, fmod: bool = False):
    """Remainder of a division, element by element, in the type of the inputs.

    Args:
        x0: Dividends.
        x1: Divisors, shaped as ``x0`` where that is not 1.
        fmod (bool): The remainder has the sign of the dividend, as it always has for floats; otherwise that of
            integers has the sign of the divisor.

    Returns:
        Array of the common shape and the dtype of ``x0``. It has no gradient.

    Raises:
        ValueError: the shapes do not fit.
    """
    require_equal_axes(x0, x1)
    dtype = x0.dtype
    # torch has no arithmetic on wide unsigned integers.
    a, b = [t.detach().to(_SIGNED.get(t.dtype, t.dtype)) for t in (x0, x1)]
    y = torch.fmod(a, b) if fmod or a.is_floating_point() else torch.remainder(a, b)
    return y.to(dtype)


_UNSIGNED = {torch.uint8: 8, torch.uint16: 16, torch.uint32: 32, torch.uint64: 64}


def _bit_shift_shape(x, shift, direction="LEFT"):
    if direction not in ("LEFT", "RIGHT"):
        raise ValueError(f"expected direction 'LEFT' or 'RIGHT', received '{direction}'")
    return broadcast_pair(x, shift)


@operator("BitShift", shape=_bit_shift_shape, backward_reads="x shift out")
def bit_shift(x: AsIs, shift: AsIs, direction: str = "LEFT"):
    """Shift the bits of unsigned integers.

    Args:
        x: Array of uint8, uint16, uint32 or uint64.
        shift: By how many bits, shaped as ``x`` where that is not 1.
        direction (str): ``"LEFT"`` or ``"RIGHT"``.

    Returns:
        Array of the common shape and the dtype of ``x``.

    Raises:
        ValueError: the shapes do not fit, or ``x`` is not of an unsigned type.
    """
    if x.dtype not in _UNSIGNED:
        raise ValueError(f"expected an array of unsigned integers, received {x.dtype}")
    value = x.view(torch.int64) if x.dtype == torch.uint64 else x.to(torch.int64)
    by = shift.to(torch.int64)
    if direction == "LEFT":
        value = value << by
    elif x.dtype == torch.uint64:
        # The sign bit is a value bit here: clear what an arithmetic shift drags in.
        value = torch.where(by > 0, (value >> by) & ~(torch.full_like(by, -1) << (64 - by)), value)
    else:
        value = value >> by
    return value.view(torch.uint64) if x.dtype == torch.uint64 else value.to(x.dtype)


def _boxes(low, high, area):
    """Corners (batch, N, 2) and areas (batch, N) as one array (batch, 5, N)."""
    return torch.cat([low.mT, high.mT, area[:, None]], 1)


def _close(boxes, others, limit):
    """Whether intersection over union exceeds ``limit``, for boxes (..., 5, N, 1) and others (..., 5, 1, M)."""
    top, left, bottom, right, area = boxes.unbind(-3)
    top_, left_, bottom_, right_, area_ = others.unbind(-3)
    inner = torch.minimum(bottom, bottom_).sub_(torch.maximum(top, top_)).clamp_min_(0)
    inner = torch.minimum(right, right_).sub_(torch.maximum(left, left_)).clamp_min_(0).mul_(inner)
    return inner / (area + area_).sub_(inner) > limit


def _nms_shape(x, **_):
    if len(x) != 3 or x[2] <= 5:
        raise ValueError(f"expected boxes of shape (batch, boxes, 5 + classes), received {x}")
    return x


def _resolve_nms(arguments, *_):
    for name, value in (("thresh", 0.5), ("nms", 0.45), ("nms_per_class", True)):
        if arguments[name] is None:
            arguments[name] = value


@operator("NmsDetection2d", shape=_nms_shape, resolve=_resolve_nms, backward_reads="", half=False)
def nms_detection2d(x: Tensor, thresh: float = None, nms: float = None, nms_per_class: bool = None):
    """Clear the detections that are weak or overlap a stronger one.

    Args:
        x: Boxes of shape ``(batch, boxes, 5 + classes)``: centre, width and height, confidence, and class
            probabilities.
        thresh (float): Confidences, and their products with class probabilities, below this are cleared;
            0.5 by default.
        nms (float): Largest intersection over union that two boxes may have; 0.45 by default.
        nms_per_class (bool): Only detections of one class compete, the default; otherwise all do, by
            confidence.

    Returns:
        Array shaped as ``x`` with the probabilities multiplied by the confidence, or cleared. It has no gradient.

    Raises:
        ValueError: ``x`` has another shape.
    """
    y = x.detach().clone()
    centre, size, confidence = y[..., :2], y[..., 2:4], y[..., 4]
    confidence = torch.where(confidence >= thresh, confidence, 0.0)
    scores = confidence[..., None] * y[..., 5:]
    scores = torch.where(scores >= thresh, scores, 0.0)
    # (batch, contests, boxes): contests are the classes, or the one of confidences.
    contests = scores.transpose(1, 2) if nms_per_class else confidence[:, None]
    boxes = _boxes(centre - size / 2, centre + size / 2, size.prod(-1))
    order, stays = _suppress(contests, boxes, nms, chained=nms_per_class)
    kept = torch.zeros_like(contests, dtype=torch.bool).scatter_(2, order, stays)
    if nms_per_class:
        scores = scores * kept.transpose(1, 2)
    else:
        confidence = confidence * kept[:, 0]
        scores = scores * kept[:, 0, :, None]
    y[..., 4], y[..., 5:] = confidence, scores
    return y


def _fullest(contend):
    """How many are set at most along the last axis; all of them for a compiler, which knows no values."""
    if torch.compiler.is_compiling() or not contend.numel():
        return contend.shape[-1]
    return int(contend.sum(-1).max())


def _suppress(scores, boxes, limit, chained=True, most=None):
    """Let boxes, from the largest score down, remove those they overlap.

    Args:
        scores: Array (batch, contests, N); those of 0 do not contend.
        boxes: Corners and areas (batch, 5, N), the same in all contests of a sample.
        limit (float): Intersection over union up to which boxes do not overlap.
        chained (bool): What was removed removes nothing itself.
        most (int): How many are wanted of a contest; further ones may be lost.

    Returns:
        Positions of those that contend, from the largest score down, and whether each stays.
    """
    # Sort only what contends anywhere, as many as there are in the batch's fullest sample.
    contend = scores.amax(1) > 0
    at = contend.to(torch.int8).argsort(dim=-1, descending=True, stable=True)[:, :_fullest(contend)]
    at = at[:, None].expand(-1, scores.shape[1], -1)
    scores = scores.gather(-1, at)
    order = scores.argsort(dim=-1, descending=True, stable=True)[..., :_fullest(scores > 0)]
    stays, order = scores.gather(-1, order) > 0, at.gather(-1, order)
    batch, contests, count = order.shape
    boxes = boxes[:, :, None].expand(-1, -1, contests, -1).gather(-1, order[:, None].expand(-1, 5, -1, -1)).transpose(1, 2)
    # The next strongest of all contests at a time: first among each other, then against all behind them. Few enough for
    # what is compared to stay in a processor's cache.
    step = count if torch.compiler.is_compiling() else max(32, 2 ** 18 // max(batch * contests * count, 1))
    for start in range(0, count, max(step, 1)):
        stop = min(start + step, count)
        strong, first = boxes[..., start:stop, None], stays[..., start:stop]
        alive = _among_each_other(first, _close(strong, boxes[..., None, start:stop], limit).triu(1), chained)
        stays[..., start:stop] = alive
        if stop == count or most is not None and bool((stays[..., :stop].sum(-1) >= most).all()):
            break
        hit = _hit(alive if chained else first, _close(strong, boxes[..., None, stop:], limit))
        stays[..., stop:] &= ~hit
    return order, stays


def _hit(alive, close):
    """Whether any of ``alive`` (..., N) is ``close`` (..., N, M) to each."""
    # (torch makes numbers faster of uint8 than of bool.)
    alive, close = [t.view(torch.uint8).float() for t in (alive, close)]
    return torch.matmul(alive[..., None, :], close)[..., 0, :] > 0


def _among_each_other(first, close, chained):
    """Which of ``first`` (..., N), the strongest in front, stay, with ``close`` (..., N, N) telling the overlaps with later ones."""
    alive = first
    for _ in range(first.shape[-1]):
        # A box stays unless a stronger one that stays is close. Right after one round for those no stronger one is close to,
        # after two for those that only such are close to, and so on.
        before, alive = alive, first & ~_hit(alive, close)
        if not chained or not torch.compiler.is_compiling() and torch.equal(alive, before):
            break
    return alive


def _resolve_onnx_nms(arguments, boxes, scores):
    for name, value in (("center_point_box", 0), ("max_output_boxes_per_class", 0), ("iou_threshold", 0.0),
                        ("score_threshold", 0.0)):
        if arguments[name] is None:
            arguments[name] = value
    if len(boxes) != 3 or boxes[2] != 4 or len(scores) != 3 or scores[::2] != boxes[:2]:
        raise ValueError(f"expected boxes (batch, boxes, 4) and scores (batch, classes, boxes), received shapes {boxes} and {scores}")
    if arguments["center_point_box"] not in (0, 1) or arguments["max_output_boxes_per_class"] < 0:
        raise ValueError(f"expected center_point_box 0 or 1 and no negative max_output_boxes_per_class, received "
                         f"{arguments['center_point_box']} and {arguments['max_output_boxes_per_class']}")


@operator("ONNXNonMaxSuppression", resolve=_resolve_onnx_nms, data_dependent=True, backward_reads="")
def onnx_non_max_suppression(boxes: Tensor, scores: Tensor, center_point_box: int = None,
                             max_output_boxes_per_class: int = None, iou_threshold: float = None,
                             score_threshold: float = None):
    """Positions of the strongest boxes that do not overlap stronger ones, as of ONNX NonMaxSuppression.

    Args:
        boxes: Array of shape ``(batch, boxes, 4)``.
        scores: Array of shape ``(batch, classes, boxes)``.
        center_point_box (int): 0: boxes are two corners ``y1, x1, y2, x2``; 1: centre, width and height.
        max_output_boxes_per_class (int): Most boxes selected for a class; 0, the default, selects none.
        iou_threshold (float): Boxes whose intersection over union with one selected is above are dropped.
        score_threshold (float): Boxes with scores below this are dropped.

    Returns:
        Selected ``(batch, class, box)`` positions, uint64 of shape ``(count, 3)``, by batch and class and
        from the largest score down.

    Raises:
        ValueError: shapes are other than these, or an option has no such value.
    """
    boxes, scores = boxes.detach(), scores.detach()
    first, second = boxes[..., :2], boxes[..., 2:]
    if center_point_box:
        low, high = first - second / 2, first + second / 2
    else:
        low, high = torch.minimum(first, second), torch.maximum(first, second)
    contests = torch.where(scores >= score_threshold, scores - scores.amin() + 1, 0.0)
    order, stays = _suppress(contests, _boxes(low, high, (high - low).prod(-1)), iou_threshold, most=max_output_boxes_per_class)
    stays &= stays.cumsum(-1) <= max_output_boxes_per_class
    at = stays.nonzero()
    return torch.cat([at[:, :2], order[stays][:, None]], 1).view(torch.uint64)
