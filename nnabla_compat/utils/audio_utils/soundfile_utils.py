"""Audio through the library soundfile (the ``audio`` extra): ``.flac``, ``.ogg``, ``.aiff`` ..., and samples as numbers
with a fraction. What Python's own means handle goes through those."""
import os

import numpy as np

from ...optional import require
from . import wave_utils
from .arguments import expect_array
from .wave_utils import auresize  # noqa: F401  (the same here)

# Types of samples by how a file stores them; others are read as float32.
_INTEGERS = {"PCM_U8": "int16", "PCM_S8": "int16", "PCM_16": "int16", "PCM_24": "int32", "PCM_32": "int32"}


def _soundfile():
    return require("soundfile", purpose="this audio backend")


def auread(source, channel_first=False, raw_format_param=None):
    """Read audio, see :func:`nnabla_compat.utils.audio_utils.auread`; any format soundfile knows."""
    if source.ext in (".wav", ".raw"):
        try:
            return wave_utils.auread(source, channel_first, raw_format_param)
        except ValueError:
            if source.ext == ".raw":
                raise
    with source.open() as file:
        try:
            with _soundfile().SoundFile(file) as audio:
                samples = audio.read(dtype=_INTEGERS.get(audio.subtype, "float32"), always_2d=True)
        except _soundfile().LibsndfileError as error:
            raise ValueError(f"auread: {error}") from error
    return samples.T if channel_first else samples


def ausave(path, audio_arr, channel_first=False, frame_rate=48000):
    """Write audio, see :func:`nnabla_compat.utils.audio_utils.ausave`; the file name's ending tells the format, and
    ``audio_arr`` is int16, int32, or float from -1 to 1."""
    expect_array("ausave", audio_arr)
    name = path if isinstance(path, str) else path.name
    ending = os.path.splitext(name)[1]
    if ending == ".wav" and audio_arr.dtype.kind in "iu":
        wave_utils.ausave(path, audio_arr, channel_first, frame_rate)
        return
    if audio_arr.ndim != 2 or audio_arr.dtype not in (np.int16, np.int32, np.float32, np.float64):
        raise ValueError(f"ausave: expected an int16, int32 or float array (samples, channels) for a {ending} file, "
                         f"received {audio_arr.dtype} of shape {audio_arr.shape}.")
    if ending[1:].upper() not in _soundfile().available_formats():
        raise ValueError(f"ausave: soundfile writes no {ending or 'file without ending'}: {name!r}.")
    os.makedirs(os.path.dirname(os.path.abspath(name)), exist_ok=True)
    subtype = "FLOAT" if ending == ".wav" else None
    _soundfile().write(path, audio_arr.T if channel_first else audio_arr, frame_rate, subtype=subtype)
