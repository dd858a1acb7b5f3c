"""Convolution as a class."""
from ... import functions as F
from .filter_layer import FilterLayer


class Convolution(FilterLayer):
    """Convolution with the parameters ``W`` (outmaps, inmaps / group, *kernel) and ``b``; see :class:`FilterLayer`."""

    function = staticmethod(F.convolution)

    @staticmethod
    def channels(inmaps, outmaps, group):
        """The first two axes of ``W``."""
        return outmaps, inmaps // group


Conv1d = Convolution
Conv2d = Convolution
Conv3d = Convolution
ConvNd = Convolution
