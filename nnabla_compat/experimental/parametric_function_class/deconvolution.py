"""Transposed convolution as a class."""
from ... import functions as F
from .filter_layer import FilterLayer


class Deconvolution(FilterLayer):
    """Transposed convolution with the parameters ``W`` (inmaps, outmaps / group, *kernel) and ``b``.

    See :class:`FilterLayer`. nnabla 1.39 shapes ``W`` with the two channel counts swapped, so that it runs only when
    they agree.
    """

    function = staticmethod(F.deconvolution)

    @staticmethod
    def channels(inmaps, outmaps, group):
        """The first two axes of ``W``."""
        return inmaps, outmaps // group


Deconv1d = Deconvolution
Deconv2d = Deconvolution
Deconv3d = Deconvolution
DeconvNd = Deconvolution
