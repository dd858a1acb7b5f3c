"""The version of the ``.nnp`` format."""
from ..files.network_files import VERSION


def nnp_version():
    """Version that is written into ``.nnp`` files."""
    return VERSION
