"""Fourier transforms."""

from functools import lru_cache

import torch
from torch.nn import functional as F

from ..registry import Tensor, operator
from .precision import in_float32

_WINDOWS = ("hanning", "hamming", "rectangular")


# -- discrete Fourier transform

def _complex_shape(x, signal_ndim, normalized=False):
    if x[-1:] != (2,) or len(x) < 1 + signal_ndim or not 1 <= signal_ndim <= 3:
        raise ValueError(f"expected x with 1 to 3 signal axes (here {signal_ndim}) and a last axis of 2, for real and "
                         f"imaginary part, received shape {x}")
    return x


def _transform(function, x, signal_ndim, normalized):
    axes = tuple(range(-signal_ndim, 0))
    return torch.view_as_real(function(torch.view_as_complex(x.contiguous()), dim=axes,
                                       norm="ortho" if normalized else "backward"))


@operator("FFT", shape=_complex_shape, backward_reads="")
@in_float32
def fft(x: Tensor, signal_ndim: int, normalized: bool = False):
    r"""Discrete Fourier transform over 1 to 3 axes.

    .. math:: y_k = c \sum_n x_n \exp(-2 \pi i \, k n / N)

    Args:
        x: Array (batch..., signal..., 2), real and imaginary parts in the last axis.
        signal_ndim (int): Number of signal axes.
        normalized (bool): c is :math:`1 / \sqrt{N}` for N elements; 1 otherwise.

    Returns:
        Array shaped as x.

    Raises:
        ValueError: The last axis is not of length 2, or signal axes are missing.
    """
    return _transform(torch.fft.fftn, x, signal_ndim, normalized)


@operator("IFFT", shape=_complex_shape, backward_reads="")
@in_float32
def ifft(x: Tensor, signal_ndim: int, normalized: bool = False):
    r"""Inverse discrete Fourier transform over 1 to 3 axes.

    .. math:: y_n = c \sum_k x_k \exp(2 \pi i \, k n / N)

    Args:
        x: Array (batch..., signal..., 2), real and imaginary parts in the last axis.
        signal_ndim (int): Number of signal axes.
        normalized (bool): c is :math:`1 / \sqrt{N}` for N elements; 1 / N otherwise.

    Returns:
        Array shaped as x.

    Raises:
        ValueError: The last axis is not of length 2, or signal axes are missing.
    """
    return _transform(torch.fft.ifftn, x, signal_ndim, normalized)


# -- short-time Fourier transform
#
# Both directions are linear: frames, times a window, times a Fourier matrix. Each can also run as the
# gradient of the other, which swaps in the other's window and bin weights.

def _check_settings(window_size, stride, fft_size, window_type, pad_mode, overlap_add):
    if window_type not in _WINDOWS:
        raise ValueError(f"expected window_type to be one of {', '.join(_WINDOWS)}, received {window_type!r}")
    if pad_mode not in ("constant", "reflect"):
        raise ValueError(f"expected pad_mode 'constant' or 'reflect', received {pad_mode!r}")
    if stride < 1:
        raise ValueError(f"expected a positive stride, received {stride}")
    if fft_size < window_size:
        raise ValueError(f"expected fft_size no smaller than window_size={window_size}, received {fft_size}")
    if overlap_add and fft_size % stride:
        raise ValueError(f"expected fft_size to be a multiple of stride={stride}, received {fft_size}")


def _stft_shape(x, window_size, stride, fft_size, window_type="hanning", center=True, pad_mode="reflect",
                as_istft_backward=False):
    _check_settings(window_size, stride, fft_size, window_type, pad_mode, as_istft_backward)
    if as_istft_backward and pad_mode != "constant":
        raise ValueError("expected pad_mode='constant' with as_istft_backward=True: istft does not pad")
    if len(x) == 3 and x[1] == 1:
        x = x[:1] + x[2:]
    if len(x) != 2:
        raise ValueError(f"expected x of shape (batch, samples), received {x}")
    length = x[1] + 2 * (fft_size // 2) if center else x[1]
    if length < fft_size:
        raise ValueError(f"expected at least fft_size={fft_size} samples, received {length}. Pad x")
    y = (x[0], fft_size // 2 + 1, (length - fft_size) // stride + 1)
    if as_istft_backward:
        _check_overlap(window_size, stride, fft_size, window_type, center, y[2])
    return [y, y]


def _istft_shape(y_r, y_i, window_size, stride, fft_size, window_type="hanning", center=True, pad_mode="reflect",
                 as_stft_backward=False):
    _check_settings(window_size, stride, fft_size, window_type, pad_mode, True)
    if not as_stft_backward and pad_mode != "constant":
        raise ValueError(f"expected pad_mode='constant', received {pad_mode!r}: istft does not pad, and takes another "
                         "only as_stft_backward=True")
    if len(y_r) != 3 or y_r != y_i or y_r[1] != fft_size // 2 + 1:
        raise ValueError(f"expected y_r and y_i of one shape (batch, {fft_size // 2 + 1}, frames), received {y_r} and {y_i}")
    if not as_stft_backward:
        _check_overlap(window_size, stride, fft_size, window_type, center, y_r[2])
    length = (y_r[2] - 1) * stride + fft_size
    return y_r[0], length - 2 * (fft_size // 2) if center else length


@lru_cache(maxsize=256)
def _least_overlap(window_size, stride, fft_size, window_type, center, frames):
    """Least sum of squared windows over a signal of so many frames."""
    squares = _window(window_size, fft_size, window_type, {"dtype": torch.float64, "device": "cpu"}).square().tolist()
    length = (frames - 1) * stride + fft_size
    total = [0.0] * length
    for t in range(frames):
        for n, value in enumerate(squares):
            total[t * stride + n] += value
    half = fft_size // 2
    return min(total[half:length - half] if center else total, default=1.0)


def _check_overlap(window_size, stride, fft_size, window_type, center, frames):
    # Signals longer than this have nothing but more of the same in the middle.
    frames = min(frames, 2 * -(-fft_size // stride) + 1)
    if frames > 0 and _least_overlap(window_size, stride, fft_size, window_type, center, frames) < 1e-11:
        raise ValueError("expected windows that cover every sample (nonzero overlap-add), received "
                         f"window_type={window_type!r}, window_size={window_size}, stride={stride} and center={center}, "
                         "which leave some without weight. Use a smaller stride, or center=True")


def _window(window_size, fft_size, window_type, options):
    """The window, in the middle of a frame of zeros."""
    # Of one sample torch makes a window of 1, not the first value of a longer one.
    if window_type == "hanning":
        window = torch.hann_window(max(window_size, 2), **options)[:window_size]
    elif window_type == "hamming":
        window = torch.hamming_window(max(window_size, 2), **options)[:window_size]
    else:
        window = torch.ones(window_size, **options)
    left = (fft_size - window_size) // 2
    return F.pad(window, [left, fft_size - window_size - left])


def _overlap_add(frames, stride):
    """Sum of overlapping frames (batch, frames, N): (batch, samples)."""
    _, count, size = frames.shape
    return F.fold(frames.transpose(1, 2), (1, (count - 1) * stride + size), (1, size), stride=(1, stride))[:, 0, 0]


def _overlap(window, frames, stride, center):
    """Sum of squared windows at each sample of the signal."""
    total = _overlap_add((window * window).expand(1, frames, -1), stride)[0]
    half = len(window) // 2
    return total[half:len(total) - half] if center else total


def _bin_weights(fft_size, like):
    """Share of each bin in the inverse transform: all but the first and the middle one stand for two."""
    weights = torch.full((fft_size // 2 + 1,), 2.0 / fft_size, dtype=like.dtype, device=like.device)
    weights[0] = 1.0 / fft_size
    if fft_size % 2 == 0:
        weights[-1] = 1.0 / fft_size
    return weights


@operator("STFT", shape=_stft_shape, backward_reads="", min_outputs=2)
@in_float32
def stft(x: Tensor, window_size: int, stride: int, fft_size: int, window_type: str = "hanning", center: bool = True,
         pad_mode: str = "reflect", as_istft_backward: bool = False):
    r"""Short-time Fourier transform: the spectrum of a windowed frame every ``stride`` samples.

    .. math:: y_{k, t} = \sum_n w_n \, x_{t s + n} \exp(-2 \pi i \, k n / N)

    Args:
        x: Array (batch, samples).
        window_size (int): Length of the window, centred in the frame.
        stride (int): Samples from one frame to the next.
        fft_size (int): Length N of a frame.
        window_type (str): ``hanning``, ``hamming`` (both periodic) or ``rectangular``.
        center (bool): Pad both ends with half a frame, so that frame t is centred at sample t s.
        pad_mode (str): ``reflect`` or ``constant`` (zeros).
        as_istft_backward (bool): Run as the gradient of :func:`istft`: x is the gradient of its output.

    Returns:
        Real and imaginary part, each (batch, fft_size // 2 + 1, frames).

    Raises:
        ValueError: An option is unknown, sizes do not fit, or x has no frame.
    """
    if x.dim() == 3:
        x = x[:, 0]
    if not len(x):      # torch transforms no empty batches
        return [y[:0] for y in stft(F.pad(x, [0, 0, 0, 1]), window_size, stride, fft_size, window_type, center, pad_mode, as_istft_backward)]
    half = fft_size // 2 if center else 0
    window = _window(window_size, fft_size, window_type, {"dtype": x.dtype, "device": x.device})
    if as_istft_backward:
        overlap = _overlap(window, (x.shape[1] + 2 * half - fft_size) // stride + 1, stride, center)
        x = x[:, :len(overlap)] / overlap
    if center:
        x = F.pad(x, [half, half], pad_mode)
    spectrum = torch.fft.rfft(x.unfold(1, fft_size, stride) * window)
    if as_istft_backward:
        spectrum = spectrum * _bin_weights(fft_size, x)
    spectrum = spectrum.transpose(1, 2)
    return spectrum.real.contiguous(), spectrum.imag.contiguous()


@operator("ISTFT", shape=_istft_shape, backward_reads="")
@in_float32
def istft(y_r: Tensor, y_i: Tensor, window_size: int, stride: int, fft_size: int, window_type: str = "hanning",
          center: bool = True, pad_mode: str = "reflect", as_stft_backward: bool = False):
    r"""Inverse short-time Fourier transform: windowed frames, added where they overlap.

    The sum is divided by the sum of squared windows at each sample.

    Args:
        y_r: Real part (batch, fft_size // 2 + 1, frames).
        y_i: Imaginary part of the same shape.
        window_size (int): Length of the window, centred in the frame.
        stride (int): Samples from one frame to the next, a divisor of ``fft_size``.
        fft_size (int): Length of a frame.
        window_type (str): ``hanning``, ``hamming`` (both periodic) or ``rectangular``.
        center (bool): Cut half a frame from both ends.
        pad_mode (str): ``constant``; what :func:`stft` used with ``as_stft_backward``.
        as_stft_backward (bool): Run as the gradient of :func:`stft`: inputs are gradients of its outputs.

    Returns:
        Array (batch, samples).

    Raises:
        ValueError: An option is unknown, sizes do not fit, or no window covers some sample.
    """
    if not len(y_r):
        return istft(*[F.pad(y, [0, 0, 0, 0, 0, 1]) for y in (y_r, y_i)], window_size, stride, fft_size, window_type, center,
                     pad_mode, as_stft_backward)[:0]
    spectrum = torch.complex(y_r, y_i).transpose(1, 2)
    if as_stft_backward:
        frames = torch.fft.ifft(spectrum, n=fft_size).real * fft_size
    else:
        frames = torch.fft.ifft(spectrum * _bin_weights(fft_size, y_r), n=fft_size).real * fft_size
    window = _window(window_size, fft_size, window_type, {"dtype": y_r.dtype, "device": y_r.device})
    x = _overlap_add(frames * window, stride)
    half = fft_size // 2 if center else 0
    length = x.shape[1]
    y = x[:, half:length - half]
    if not as_stft_backward:
        return y / _overlap(window, y_r.shape[2], stride, center)
    if center and pad_mode == "reflect":
        # What was padded mirrors samples 1 to half, and as many before the last.
        rest = y.shape[1] - half - 1
        y = y + F.pad(x[:, :half].flip(1), [1, rest]) + F.pad(x[:, length - half:].flip(1), [rest, 1])
    return y.contiguous()
