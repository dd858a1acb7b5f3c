"""The functions of nnabla: the declared operators and what is composed of them.

Every function of :mod:`~nnabla_compat.function_bases` is here as well. Those defined below take friendlier arguments or combine several operators; all work on Variables (graph),
NdArrays (at once) and torch tensors.
"""
import math as _math
import warnings as _warnings

import numpy as _np
import torch as _torch

from . import function_bases as _base
from .engine import NdArray as _NdArray
from .engine import Variable as _Variable
from .normalization_functions import *  # noqa: F401,F403
from .numpy_compat_functions import dot  # noqa: F401


def __getattr__(name):
    # Whatever isn't composed here is an operator's own function.
    made = globals()[name] = getattr(_base, name)
    return made


def __dir__():
    return sorted({*globals(), *_base.__all__})


_ARRAYS = (_Variable, _NdArray, _torch.Tensor)


def _axes(x, axis):
    """``axis`` as a sequence: every axis for None, one for an int."""
    if axis is None:
        return range(x.ndim)
    return axis if hasattr(axis, "__iter__") else (axis,)


def sum(x, axis=None, keepdims=False):
    r"""Sum over axes.

    .. math:: y = \sum_i x_i

    Args:
        x: Array of any shape.
        axis (None, int or sequence of int): Axes to sum over; all by default.
        keepdims (bool): Keep the axes summed over, with size 1.

    Returns:
        Array of the sums.

    Raises:
        ValueError: an axis is out of range, or named twice.
    """
    return _base.sum(x, _axes(x, axis), keepdims)


def mean(x, axis=None, keepdims=False):
    r"""Mean over axes.

    .. math:: y = \frac{1}{N} \sum_{i=1}^N x_i

    Args:
        x: Array of any shape.
        axis (None, int or sequence of int): Axes to average over; all by default.
        keepdims (bool): Keep the axes averaged over, with size 1.

    Returns:
        Array of the means.

    Raises:
        ValueError: an axis is out of range, or named twice.
    """
    return _base.mean(x, _axes(x, axis), keepdims)


def prod(x, axis=None, keepdims=False):
    r"""Product over axes.

    .. math:: y = \prod_i x_i

    Args:
        x: Array of any shape.
        axis (None, int or sequence of int): Axes to multiply over; all by default.
        keepdims (bool): Keep the axes multiplied over, with size 1.

    Returns:
        Array of the products.

    Raises:
        ValueError: an axis is out of range, or named twice.
    """
    return _base.prod(x, _axes(x, axis), keepdims)


def max(x, axis=None, keepdims=False, with_index=False, only_index=False):
    r"""Largest element over axes, its position, or both.

    .. math:: y = \max_i x_i

    Args:
        x: Array of any shape.
        axis (None, int or sequence of int): Axes to search; all by default.
        keepdims (bool): Keep the axes searched, with size 1.
        with_index (bool): Give the positions, counted over the flattened ``axis``, too.
        only_index (bool): Give the positions alone.

    Returns:
        Array of the largest elements, of their positions, or a tuple of both.

    Raises:
        ValueError: an axis is out of range, or named twice.
    """
    n_outputs = 2 if with_index and not only_index else 1
    return _base.max(x, _axes(x, axis), keepdims, with_index, only_index, n_outputs)


def min(x, axis=None, keepdims=False, with_index=False, only_index=False):
    r"""Smallest element over axes, its position, or both.

    .. math:: y = \min_i x_i

    Args:
        x: Array of any shape.
        axis (None, int or sequence of int): Axes to search; all by default.
        keepdims (bool): Keep the axes searched, with size 1.
        with_index (bool): Give the positions, counted over the flattened ``axis``, too.
        only_index (bool): Give the positions alone.

    Returns:
        Array of the smallest elements, of their positions, or a tuple of both.

    Raises:
        ValueError: an axis is out of range, or named twice.
    """
    n_outputs = 2 if with_index and not only_index else 1
    return _base.min(x, _axes(x, axis), keepdims, with_index, only_index, n_outputs)


def norm(x, p=None, axis=None, keepdims=False):
    r"""The :math:`L_p` norm over axes, :math:`(\sum_i |x_i|^p)^{1/p}`.

    Args:
        x: Array of any shape.
        p (float): Order of the norm; 2 by default.
        axis (None, int or sequence of int): Axes the norm runs over; all by default.
        keepdims (bool): Keep these axes, with size 1.

    Returns:
        Array of the norms.

    Raises:
        ValueError: ``p`` is below 1, or an axis is out of range.
    """
    return _base.norm(x, p, _axes(x, axis), keepdims)


def norm_normalization(x, p=None, axes=None, eps=1e-12):
    r"""Divide by the :math:`L_p` norm over axes.

    .. math:: y = x / (\textstyle\sum_i |x_i|^p)^{1/p}

    Args:
        x: Array of any shape.
        p (float): Order of the norm; 2 by default.
        axes (None, int or sequence of int): Axes the norm runs over; all by default.
        eps (float): Has no effect, as in nnabla.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``p`` is below 1, or an axis is out of range.
    """
    return _base.norm_normalization(x, p, _axes(x, axes), eps)


def spectral_norm(w, u, dim=0, itr=1, eps=1e-12, test=False, output_u=False):
    r"""Divide a weight by its largest singular value, found by power iteration.

    .. math:: y = w / \sigma(w), \quad \sigma(w) = u^\top w \, v

    Args:
        w: Weight of any shape.
        u: Estimate of the singular vector, one-dimensional, improved in place at each forward.
        dim (int): Axis of the outputs; the others are flattened.
        itr (int): Number of power iterations.
        eps (float): Added before square roots are taken.
        test (bool): Leave ``u`` as it is.
        output_u (bool): Give the singular vector too.

    Returns:
        Array shaped as ``w``; with ``output_u`` a tuple of it and the vector.

    Raises:
        ValueError: ``u`` does not fit ``w`` along ``dim``, or ``itr`` or ``eps`` is not positive.

    Source: Miyato et al., Spectral normalization for generative adversarial networks, 2018.
    """
    return _base.spectral_norm(w, u, dim, itr, eps, test, output_u, 2 if output_u else 1)


def reduce(x, op="sum"):
    """Sum or mean of all elements. Deprecated: use :func:`sum` or :func:`mean`.

    Args:
        x: Array of any shape.
        op (str): ``"sum"`` or ``"mean"``.

    Returns:
        Scalar array.

    Raises:
        ValueError: ``op`` is neither.
    """
    _warnings.warn("reduce is deprecated: use sum or mean", DeprecationWarning, stacklevel=2)
    if op not in ("sum", "mean"):
        raise ValueError(f"reduce: expected op 'sum' or 'mean', received {op!r}")
    return _base.reduce_sum(x) if op == "sum" else _base.reduce_mean(x)


def meshgrid(*x, ij_indexing=False):
    """Coordinate arrays of a grid, from the coordinates along its axes.

    Args:
        x: One-dimensional arrays.
        ij_indexing (bool): Order the axes of the grid as the inputs; otherwise the first two change places.

    Returns:
        As many arrays as inputs, all of the shape of the grid.

    Raises:
        ValueError: an input has not exactly one axis.
    """
    return _base.meshgrid(*x, ij_indexing=ij_indexing, n_outputs=len(x))


def split(x, axis=0):
    """Cut ``x`` into its slices along an axis, which disappears.

    Args:
        x: Array with at least two elements along ``axis``.
        axis (int): Axis to take apart.

    Returns:
        Tuple of ``x.shape[axis]`` arrays.

    Raises:
        IndexError: ``axis`` is out of range.
    """
    return _base.split(x, axis, x.shape[axis])


def slice(x, start=None, stop=None, step=None, n_outputs=-1, outputs=None):
    """Take ``x[start:stop:step]`` along each axis. None stands for what it means in a Python slice.

    Args:
        x: Array of any shape.
        start (sequence of int or None): First positions. Fewer values than axes belong to the last axes.
        stop (sequence of int or None): Ends, exclusive.
        step (sequence of int or None): Strides, negative to walk backwards.

    Returns:
        Array of the selected elements.

    Raises:
        ValueError: more values than axes, values of different counts, or a step of 0.
    """
    if step is not None:
        step = [1 if s is None else s for s in step]
    start, stop = [None if v is None else list(v) for v in (start, stop)]
    for ends in (start, stop):
        for i, v in enumerate(ends or ()):
            if v is None:
                n, backwards = x.shape[len(x.shape) - len(ends) + i], step is not None and step[i] < 0
                first, last = (-1, -n - 1) if backwards else (0, n)
                ends[i] = first if ends is start else last
    return _base.slice(x, start, stop, step, n_outputs, outputs)


def sort(x, axis=-1, reverse=False, with_index=False, only_index=False):
    """Sort along an axis; equal elements keep their order.

    Args:
        x: Array with at least one axis.
        axis (int): Axis to sort along.
        reverse (bool): Largest first.
        with_index (bool): Give the positions the elements came from too.
        only_index (bool): Give the positions alone.

    Returns:
        The sorted array, the positions, or a tuple of both.

    Raises:
        ValueError: ``axis`` is out of range.
    """
    return _base.sort(x, axis, reverse, with_index, only_index, 2 if with_index and not only_index else 1)


def tile(x, reps):
    """Lay copies of ``x`` side by side, ``reps[i]`` of them along axis ``i``.

    Args:
        x: Array of any shape.
        reps (int or sequence of int): Repetitions; an int concerns the last axis.

    Returns:
        The tiled array.

    Raises:
        ValueError: a repetition is below 1.
    """
    return _base.tile(x, (reps,) if isinstance(reps, int) else reps)


def mean_subtraction(x, mean, t, base_axis=1, update_running_mean=True):
    """Subtract the mean over the samples, and keep its running average.

    Args:
        x: Array whose axes before ``base_axis`` count samples.
        mean: Running mean, updated in place.
        t: Scalar count of updates, updated in place.
        base_axis (int): First axis of a sample.
        update_running_mean (bool): Use and track the mean of the batch; otherwise use the running mean.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: the shape of the running mean does not fit.
    """
    return _base.mean_subtraction(x, mean, t, base_axis, update_running_mean)


def fixed_point_quantize(x, sign=True, n=8, delta=2**-4, quantize=True, ste_fine_grained=True, outputs=None):
    r"""Round to multiples of ``delta`` that fit in ``n`` bits.

    .. math:: y = \delta \, \mathrm{round}(\min(\max(x, y_\mathrm{min}), y_\mathrm{max}) / \delta)

    Args:
        x: Array of any shape.
        sign (bool): Give one of the bits to the sign.
        n (int): Number of bits.
        delta (float): Step.
        quantize (bool): False returns ``x`` itself.
        ste_fine_grained (bool): Clear the gradient of clipped elements; otherwise it passes everywhere.

    Returns:
        Array shaped as ``x``, of multiples of ``delta``.

    Raises:
        ValueError: ``delta`` is not positive, or no bits are left beside the sign.
    """
    return _base.fixed_point_quantize(x, sign, n, delta, ste_fine_grained, outputs=outputs) if quantize else x


def pow2_quantize(x, sign=True, with_zero=True, n=8, m=1, quantize=True, ste_fine_grained=True, outputs=None):
    r"""Round to powers of two, at most :math:`2^m`, whose exponents fit in ``n`` bits.

    Args:
        x: Array of any shape.
        sign (bool): Give one of the bits to the sign.
        with_zero (bool): Give one of the bits to the value 0.
        n (int): Number of bits.
        m (int): Exponent of the largest value.
        quantize (bool): False returns ``x`` itself.
        ste_fine_grained (bool): Clear the gradient of clipped elements; otherwise it passes everywhere.

    Returns:
        Array shaped as ``x``, of signed powers of two and zeros.

    Raises:
        ValueError: no bits are left for the exponent.
    """
    return _base.pow2_quantize(x, sign, with_zero, n, m, ste_fine_grained, outputs=outputs) if quantize else x


def min_max_quantize(x, qr_min, qr_max, ql_min, ql_max, decay=0.999, x_min_max=False, ema=False,
                     ste_fine_grained=True, eps=0.01, quantize=True, outputs=None):
    """Round to equally spaced levels between a smallest and a largest value.

    Args:
        x: Array of any shape.
        qr_min, qr_max: Range that is quantized, with axes of size 1 where ``x`` shares it; updated in place
            when it is measured.
        ql_min, ql_max: Smallest and largest level, typically 0 and 255.
        decay (float): Weight of the past in the running average of the range.
        x_min_max (bool): Measure the range on ``x``.
        ema (bool): Use a running average of the measured ranges.
        ste_fine_grained (bool): Clear the gradient of clipped elements; otherwise it passes everywhere.
        eps (float): Smallest width of the range.
        quantize (bool): False returns ``x`` itself.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: the ranges' shapes differ, or don't broadcast against that of ``x``.

    Source: Jacob et al., Quantization and training of neural networks for efficient
    integer-arithmetic-only inference, 2018.
    """
    if not quantize:
        return x
    return _base.min_max_quantize(x, qr_min, qr_max, ql_min, ql_max, decay, x_min_max, ema, ste_fine_grained,
                                  eps, outputs=outputs)


def quantize_linear(x, scale, zero_point, round_mode="HALF_AWAY_FROM_ZERO", narrow_range=False, dtype=_np.int8):
    """Quantize to 8-bit integers: ``round(x / scale) + zero_point``, clipped to the range of ``dtype``.

    Args:
        x: Array of any shape.
        scale: Step, with axes of size 1 where ``x`` shares it.
        zero_point: Level that stands for 0, shaped as ``scale``.
        round_mode (str): ``"HALF_AWAY_FROM_ZERO"`` or ``"HALF_TO_EVEN"``.
        narrow_range (bool): Leave out the smallest level.
        dtype (numpy type): ``np.int8`` or ``np.uint8``.

    Returns:
        Array shaped as ``x``.

    Raises:
        KeyError: ``dtype`` is no type nnabla numbers.
    """
    from .dtypes import np_dtpye_to_int
    return _base.quantize_linear(x, scale, zero_point, round_mode, narrow_range, np_dtpye_to_int[dtype])


def clip_by_value(x, min, max):
    """Replace elements below ``min`` by ``min`` and those above ``max`` by ``max``.

    Args:
        x: Array of any shape.
        min (array shaped as x, or float): Smallest value.
        max (array shaped as x, or float): Largest value.

    Returns:
        Array shaped as ``x``.

    Raises:
        TypeError: a bound is neither an array nor a scalar.
    """
    if _np.isscalar(min):
        y = _base.maximum_scalar(x, min)
    elif isinstance(min, _ARRAYS):
        y = _base.maximum2(x, min)
    else:
        raise TypeError(f"clip_by_value: expected a Variable, an NdArray or a scalar as min, received {type(min).__name__}")
    if _np.isscalar(max):
        return _base.minimum_scalar(y, max)
    if isinstance(max, _ARRAYS):
        return _base.minimum2(y, max)
    raise TypeError(f"clip_by_value: expected a Variable, an NdArray or a scalar as max, received {type(max).__name__}")


def clip_by_norm(x, clip_norm, axis=None):
    r"""Scale ``x`` so that its L2 norm over ``axis`` is at most ``clip_norm``.

    .. math:: y = c \, x / \max(\lVert x \rVert_2, c)

    Args:
        x: Array of any shape.
        clip_norm (array or float): Largest norm :math:`c`, positive.
        axis (None, int or sequence of int): Axes the norm runs over; all by default.

    Returns:
        Array shaped as ``x``.

    Raises:
        ValueError: ``clip_norm`` is a number that is not positive.
    """
    axes = _axes(x, axis)
    length = _base.pow_scalar(_base.sum(_base.pow_scalar(x, 2.0), axes, True), 0.5)
    if isinstance(clip_norm, _ARRAYS):
        return _base.div2(_base.mul2(x, clip_norm), _base.maximum2(length, clip_norm))
    if clip_norm <= 0:
        raise ValueError(f"clip_by_norm: expected a positive clip_norm, received {clip_norm}")
    return _base.div2(_base.mul_scalar(x, clip_norm), _base.maximum_scalar(length, clip_norm))


def interpolate(x, scale=None, output_size=None, mode="linear", align_corners=False, half_pixel=False,
                half_pixel_for_nn=False, channel_last=False):
    """Resize the spatial axes by interpolation.

    Args:
        x: Array whose last axes (before the channels with ``channel_last``) are spatial.
        scale (sequence of float): Factors for the spatial axes; sizes are rounded down.
        output_size (sequence of int): Sizes to reach, instead of ``scale``.
        mode (str): ``"linear"`` or ``"nearest"``.
        align_corners (bool): Map the centres of the corner elements onto each other.
        half_pixel (bool): Place elements at their centres, half a step from the border.
        half_pixel_for_nn (bool): The same for the nearest mode as nnabla up to 1.8 had it.
        channel_last (bool): The last axis holds the channels.

    Returns:
        The resized array.

    Raises:
        ValueError: neither ``scale`` nor ``output_size`` is given.
    """
    if output_size is None:
        if scale is None:
            raise ValueError("interpolate: expected scale or output_size, received neither")
        spatial = x.shape[:-1] if channel_last else x.shape
        output_size = [_math.floor(s * n) for s, n in zip(scale, spatial[-len(scale):])]
    return _base.interpolate(x, output_size, mode, align_corners, half_pixel, half_pixel_for_nn, channel_last)


def stft(x, window_size, stride, fft_size, window_type="hanning", center=True, pad_mode="reflect",
         as_istft_backward=False):
    r"""Short-time Fourier transform.

    .. math:: y_{b,f,t} = \sum_n w_n \, x_{b, n + t s} \, e^{-2 \pi i f n / N}

    Args:
        x: Signals of shape ``(batch, samples)``.
        window_size (int): Length of the analysis window.
        stride (int): Samples from one window to the next.
        fft_size (int): Length of the transform, giving ``fft_size // 2 + 1`` frequencies.
        window_type (str): ``"hanning"``, ``"hamming"`` or ``"rectangular"`` (also None).
        center (bool): Pad half a transform at both ends.
        pad_mode (str): ``"reflect"`` or ``"constant"``.
        as_istft_backward (bool): Compute the gradient of :func:`istft` instead.

    Returns:
        Real and imaginary parts, of shape ``(batch, frequencies, frames)``.

    Raises:
        ValueError: an option is unknown, the window is longer than the transform, or the signal is shorter than a frame.
    """
    return _base.stft(x, window_size, stride, fft_size, "rectangular" if window_type is None else window_type, center,
                      pad_mode, as_istft_backward)


def istft(y_r, y_i, window_size, stride, fft_size, window_type="hanning", center=True, pad_mode="reflect",
          as_stft_backward=False):
    """Inverse of :func:`stft`. The outermost ``window_size - stride`` samples are not restored exactly.

    Args:
        y_r, y_i: Real and imaginary parts, of shape ``(batch, frequencies, frames)``.
        window_size (int): Length of the analysis window.
        stride (int): Samples from one window to the next.
        fft_size (int): Length of the transform.
        window_type (str): ``"hanning"``, ``"hamming"`` or ``"rectangular"`` (also None).
        center (bool): The signal was padded before the transform.
        pad_mode (str): How it was padded; matters only with ``as_stft_backward``.
        as_stft_backward (bool): Compute the gradient of :func:`stft` instead.

    Returns:
        Signals of shape ``(batch, samples)``.

    Raises:
        ValueError: an option is unknown, sizes do not fit, or no window covers some sample.
    """
    return _base.istft(y_r, y_i, window_size, stride, fft_size, "rectangular" if window_type is None else window_type,
                       center, pad_mode, as_stft_backward)


def _index_array(indices, data):
    """``indices`` as an input of an operator beside ``data``; lists and NumPy arrays become a constant."""
    if isinstance(indices, _ARRAYS):
        return indices
    if isinstance(data, _torch.Tensor):
        return _torch.as_tensor(_np.asarray(indices, int), device=data.device)
    return _Variable.from_numpy_array(indices if isinstance(indices, _np.ndarray) else _np.asarray(indices, int))


def gather_nd(data, indices):
    r"""Take elements, or slices, of ``data`` by their positions.

    .. math:: y_{j_0 \ldots} = x_{i_0, \ldots, i_{M-1}}, \quad i_m = \mathrm{indices}_{m, j_0 \ldots}

    Args:
        data: Array of shape ``(X_0, ..., X_{N-1})``.
        indices (array, list or numpy.ndarray): Positions along the first ``M`` axes, of shape
            ``(M, Y_0, ..., Y_{K-1})``.

    Returns:
        Array of shape ``(Y_0, ..., Y_{K-1}, X_M, ..., X_{N-1})``.

    Raises:
        ValueError: ``indices`` concern more axes than ``data`` has, or (when it runs) an index is out of range.
    """
    return _base.gather_nd(data, _index_array(indices, data))


def scatter_nd(data, indices, shape=None, out=None, add=False):
    """Write elements, or slices, to positions of an array of zeros or of ``out``.

    Args:
        data: Array of shape ``(Y_0, ..., Y_{K-1}, X_M, ..., X_{N-1})``.
        indices (array, list or numpy.ndarray): Positions along the first ``M`` axes of the result, of
            shape ``(M, Y_0, ..., Y_{K-1})``.
        shape (sequence of int): Shape of the result.
        out: Array to write into, instead of ``shape``; the result shares its storage.
        add (bool): Add what goes to one position, and to what is there.

    Returns:
        Array of shape ``shape``, or of ``out``.

    Raises:
        TypeError: both or neither of ``shape`` and ``out`` are given, or ``out`` is no array.
    """
    indices = _index_array(indices, data)
    if out is None:
        if shape is None:
            raise TypeError("scatter_nd: expected shape or out, received neither")
        shape = tuple(shape)
    else:
        if shape is not None and len(shape):
            raise TypeError("scatter_nd: expected shape or out, received both")
        if not isinstance(out, _ARRAYS):
            raise TypeError(f"scatter_nd: expected a Variable or NdArray as out, received {type(out).__name__}")
        shape = tuple(out.shape)
    return _base.scatter_nd(data, indices, out, shape, add)


def scatter_add(x0, indices, x1, axis=None):
    """Add the elements of ``x1`` to a copy of ``x0``, at positions along one axis.

    Args:
        x0: Array to add to.
        indices: Positions along ``axis``, with as many axes as ``x0`` and no size above that of ``x1``.
        x1: Array whose elements are added.
        axis (int): The axis positions count along; 0 by default.

    Returns:
        Array shaped as ``x0``.

    Raises:
        ValueError: the inputs' numbers of axes differ, or ``indices`` are larger than ``x1``, or than ``x0`` along another axis.
    """
    return _base.scatter_add(x0, indices, x1, axis)


def linspace(start, stop, num):
    """``num`` numbers at equal distances from ``start`` to ``stop``, both included.

    Args:
        start (float): First number.
        stop (float): Last number.
        num (int): How many.

    Returns:
        One-dimensional array.

    Raises:
        TypeError: ``num`` is no int.
        ValueError: ``num`` is negative.
    """
    if not isinstance(num, int):
        raise TypeError(f"linspace: expected an int as num, received {type(num).__name__}")
    if num < 0:
        raise ValueError(f"linspace: expected num of at least 0, received {num}")
    return _base.linspace(start, stop, num)


def patch_correlation(x1, x2, patch=(1, 1), shift=(0, 0), patch_step=(1, 1), shift_step=(1, 1),
                      padding=(0, 0, 0, 0), channel_last=False):
    """Correlate patches of ``x1`` with patches of ``x2`` at and around the same place.

    Args:
        x1, x2: Images of shape ``(N, C, H, W)``, or ``(N, H, W, C)`` with ``channel_last``.
        patch (int or pair of int): Height and width of a patch.
        shift (int or pair of int): Largest vertical and horizontal displacement in ``x2``.
        patch_step (int or pair of int): Distance between patches.
        shift_step (int or pair of int): Distance between displacements.
        padding (int, pair or four of int): Zeros added at top, bottom, left and right.
        channel_last (bool): The last axis holds the channels.

    Returns:
        Array of shape ``(N, C_y, C_x, H_o, W_o)``, or ``(N, H_o, W_o, C_y, C_x)`` with ``channel_last``, where
        ``C_y`` and ``C_x`` count displacements.

    Raises:
        ValueError: the inputs have not both four axes and one shape.

    Source: Fischer et al., FlowNet: learning optical flow with convolutional networks, 2015.
    """
    if x1.ndim != 4 or x1.shape != x2.shape:
        raise ValueError(f"patch_correlation: expected two inputs of one shape with 4 axes, received {x1.shape} and {x2.shape}")
    patch, shift, patch_step, shift_step = [
        (v, v) if isinstance(v, int) else v for v in (patch, shift, patch_step, shift_step)]
    if isinstance(padding, int):
        padding = (padding,) * 4
    elif len(padding) == 2:
        padding = (padding[0], padding[0], padding[1], padding[1])
    if channel_last:
        return _base.patch_correlation(x1, x2, patch, shift, patch_step, shift_step, padding)
    x1, x2 = _base.transpose(x1, (0, 2, 3, 1)), _base.transpose(x2, (0, 2, 3, 1))
    return _base.transpose(_base.patch_correlation(x1, x2, patch, shift, patch_step, shift_step, padding),
                           (0, 3, 4, 1, 2))


def multi_head_attention(query, key, value, num_heads, q_weight, k_weight, v_weight, out_weight, q_bias=None,
                         k_bias=None, v_bias=None, out_bias=None, attn_bias_k=None, attn_bias_v=None, dropout=0.0,
                         additive_mask=None, key_padding_mask=None):
    r"""Attention of several heads at once.

    .. math:: \mathrm{softmax}(Q K^\top / \sqrt{d} + M) V

    for each head, with :math:`Q, K, V` affine images of the inputs cut into heads of :math:`d` features.
    ``L`` is the length of the target, ``S`` that of the source, ``B`` the batch size, ``E`` and ``E_v`` the
    embedding sizes, which ``num_heads`` divides.

    Args:
        query: Array of shape ``(L, B, D_q)``.
        key: Array of shape ``(S, B, D_k)``.
        value: Array of shape ``(S, B, D_v)``.
        num_heads (int): Number of heads.
        q_weight, k_weight, v_weight, out_weight: Weights of shapes ``(D_q, E)``, ``(D_k, E)``, ``(D_v, E_v)``
            and ``(E_v, E_out)``.
        q_bias, k_bias, v_bias, out_bias: Their biases, optional.
        attn_bias_k, attn_bias_v: A further key ``(E,)`` and value ``(E_v,)`` to attend to, optional.
        dropout (float): Probability of dropping an attention weight.
        additive_mask: Array of shape ``(L, S)`` added to the scores, optional.
        key_padding_mask: Array of shape ``(B, S)``; ones mark positions not to attend to, optional.

    Returns:
        The output of shape ``(L, B, E_out)``, and the attention weights of shape ``(B * num_heads, L, S)``.

    Raises:
        AssertionError: the sizes do not fit.

    Source: Vaswani et al., Attention is all you need, 2017.
    """
    length, batch = query.shape[:2]
    source = key.shape[0]
    embed, embed_v = q_weight.shape[1], v_weight.shape[1]
    head = embed // num_heads
    assert value.shape[0] == source, (
        f"multi_head_attention: expected key and value of one length, received {source} and {value.shape[0]}")
    assert k_weight.shape[1] == embed, (
        f"multi_head_attention: expected query and key embeddings of one size, received {embed} and {k_weight.shape[1]}")
    assert embed % num_heads == 0 and embed_v % num_heads == 0, (
        f"multi_head_attention: expected embedding sizes that {num_heads} heads divide, received {embed} and {embed_v}")
    assert key_padding_mask is None or tuple(key_padding_mask.shape) == (key.shape[1], source), (
        f"multi_head_attention: expected a key_padding_mask of shape {(key.shape[1], source)}, "
        f"received {key_padding_mask.shape if key_padding_mask is not None else None}")

    q = _base.mul_scalar(_base.affine(query, q_weight, q_bias, base_axis=2), head ** -0.5)
    k = _base.affine(key, k_weight, k_bias, base_axis=2)
    v = _base.affine(value, v_weight, v_bias, base_axis=2)
    if attn_bias_k is not None:
        k = _base.concatenate(k, _base.broadcast(_base.reshape(attn_bias_k, (1, 1, embed)), (1, batch, embed)), axis=0)
        v = _base.concatenate(v, _base.broadcast(_base.reshape(attn_bias_v, (1, 1, embed_v)), (1, batch, embed_v)),
                              axis=0)
        source += 1
        if additive_mask is not None:
            additive_mask = _base.pad(additive_mask, (0, 1))
        if key_padding_mask is not None:
            key_padding_mask = _base.pad(key_padding_mask, (0, 1))

    def heads_first(x, size):
        """(length, B, heads * size) to (B * heads, length, size)."""
        return _base.transpose(_base.reshape(x, (-1, batch * num_heads, size)), (1, 0, 2))

    scores = _base.batch_matmul(heads_first(q, head), heads_first(k, head), transpose_b=True)
    if additive_mask is not None:
        scores = _base.add2(scores, _base.reshape(additive_mask, (1, length, source)))
    if key_padding_mask is not None:
        # log(1 - mask) is 0 where attention may go and minus infinity where it may not.
        mask = _base.log(_base.r_sub_scalar(_base.reshape(key_padding_mask, (batch, 1, 1, source)), 1))
        scores = _base.add2(_base.reshape(scores, (batch, num_heads, length, source)), mask)
        scores = _base.reshape(scores, (batch * num_heads, length, source))
    weights = _base.softmax(scores, axis=2)
    if dropout > 0:
        weights = _base.dropout(weights, dropout)
    y = _base.transpose(_base.batch_matmul(weights, heads_first(v, embed_v // num_heads)), (1, 0, 2))
    y = _base.affine(_base.reshape(y, (length, batch, embed_v)), out_weight, out_bias, base_axis=2)
    return y, weights


__all__ = sorted({name for name in globals() if not name.startswith("_")} | set(_base.__all__))
