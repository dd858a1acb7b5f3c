"""Audio with Python's own means: ``.wav`` files of integer samples, raw samples, linear resampling."""
import math
import os
import wave

import numpy as np

from .arguments import prepare_resize, prepare_save

# Rate that pydub, nnabla's backend, takes for arrays; a resampled rate is rounded relative to it.
_RATE = 48000


def decode_samples(samples, width, channels):
    """An array ``(samples, channels)`` from bytes; 3-byte samples become the upper bytes of int32."""
    if width == 3:
        samples = np.pad(np.frombuffer(samples, np.uint8).reshape(-1, 3), ((0, 0), (1, 0))).tobytes()
    dtype = {1: "u1", 2: "<i2", 3: "<i4", 4: "<i4"}[width]
    return np.frombuffer(samples, dtype).reshape(-1, channels).astype(dtype.replace("<", "="))


def read_wav(file):
    """An array ``(samples, channels)`` from an open ``.wav`` file or a path."""
    try:
        with wave.open(file, "rb") as audio:
            width, channels = audio.getsampwidth(), audio.getnchannels()
            return decode_samples(audio.readframes(audio.getnframes()), width, channels)
    except wave.Error as error:
        raise ValueError(f"expected a .wav file of integer samples: {error}.") from error


def auread(source, channel_first=False, raw_format_param=None):
    """Read audio, see :func:`nnabla_compat.utils.audio_utils.auread`."""
    if source.ext not in (".wav", ".raw"):
        raise ValueError(f"auread: expected a .wav or .raw file, received extension {source.ext!r}. "
                         "The backend 'soundfile' reads more: pip install nnabla-compat[audio].")
    if source.ext == ".raw" and raw_format_param is None:
        raise ValueError("auread: raw samples need raw_format_param with sample_width, channels and frame_rate.")
    with source.open() as file:
        if source.ext == ".wav":
            audio = read_wav(file)
        else:
            width = raw_format_param["sample_width"]
            audio = decode_samples(file.read(), width, raw_format_param["channels"])
            audio = audio.view(np.int8) if width == 1 else audio  # raw bytes are signed, those in .wav files not
    return audio.T if channel_first else audio


def ausave(path, audio_arr, channel_first=False, frame_rate=48000):
    """Write a ``.wav`` file, see :func:`nnabla_compat.utils.audio_utils.ausave`."""
    audio = prepare_save(audio_arr, channel_first)
    name = path if isinstance(path, str) else path.name
    if os.path.splitext(name)[1] != ".wav":
        raise ValueError(f"ausave: expected a file name that ends in .wav, received {name!r}.")
    os.makedirs(os.path.dirname(os.path.abspath(name)), exist_ok=True)
    with wave.open(path, "wb") as file:
        file.setnchannels(audio.shape[1])
        file.setsampwidth(audio.dtype.itemsize)
        file.setframerate(frame_rate)
        file.writeframes(np.ascontiguousarray(audio, audio.dtype.newbyteorder("<")).tobytes())


def auresize(audio_arr, size, channel_first=False):
    """Resample, see :func:`nnabla_compat.utils.audio_utils.auresize`."""
    audio = prepare_resize(audio_arr, size, channel_first)
    samples, channels = size
    have = audio.shape[1]
    if have != channels and 1 not in (have, channels):
        raise ValueError(f"auresize: {have} channels cannot become {channels}; only one to many and many to one.")
    rate = math.floor(_RATE * samples / len(audio) + 1)
    places = np.arange(samples) * (_RATE / rate)
    resampled = np.stack([np.interp(places, np.arange(len(audio)), channel) for channel in audio.T], axis=1)
    if audio.dtype != np.float32:
        resampled = np.floor(resampled + 1e-9)  # exact values may come out a hair below
    if channels == 1 and have > 1:
        resampled = resampled.mean(axis=1, keepdims=True)
        if audio.dtype != np.float32:
            resampled = np.floor(resampled)
    elif channels > have:
        resampled = np.repeat(resampled, channels, axis=1)
    return resampled.astype(audio.dtype)
