"""What nnabla has and this package does not, because it has no meaning without nnabla's core, C runtime or services.

Importing one of these modules raises ModuleNotFoundError with the reason and the way round; nothing else is listed
anywhere. Modules that are neither here nor in the package do not exist in nnabla either (``tests/names``).
"""
import sys

_CORE = "it is a part of nnabla's compiled core"
_RUNTIME = "it writes files for nnabla's C runtime, or reads them"
_RUNTIME_WAY = "For devices, export to ONNX: `nnabla-compat convert net.nnp net.onnx`"
_CONVERTER = "it is a part of nnabla's converter between file formats"
_CONVERTER_WAY = "`nnabla-compat convert` and nnabla_compat.migrate convert networks and parameters"

# Module, without "nnabla." -> (reason, way round).
ABSENT = {
    "_arithmetic_ops": (_CORE, "Operators of Variables and NdArrays work without it"),
    "_array": (_CORE, "nnabla_compat.NdArray holds arrays, and torch allocates them"),
    "_dropout_workaround": (_CORE, "nnabla_compat.functions.dropout keeps its mask itself"),
    "_indexing": (_CORE, "Variables and NdArrays take indices as numpy's arrays do"),
    "_version": ("it says which nnabla was built", "nnabla_compat.__version__ is the version of the API"),
    "libnnabla": (_CORE, "There is nothing to link with: operators are Python, in nnabla_compat.ops"),
    "utils.audio_utils.pydub_utils": ("audio needs no pydub here", "Use nnabla_compat.utils.audio_utils"),
    "utils.cli.optimize_model": (
        "it is nnabla's command line", "Fold and fuse by nnabla_compat.experimental.graph_converters"),
    "utils.converter.commands": (_CONVERTER, _CONVERTER_WAY),
    "utils.converter.nnabla": (_CONVERTER, _CONVERTER_WAY),
    "utils.converter.nnablart": (_RUNTIME, _RUNTIME_WAY),
    "utils.converter.setup": (_CONVERTER, _CONVERTER_WAY),
    "utils.converter.supported_info": (_CONVERTER, _CONVERTER_WAY),
    "utils.converter.utils": (_CONVERTER, _CONVERTER_WAY),
}
_PACKAGE = __package__ + "."


class _Finder:
    """The last finder, which gets the names that nobody found."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        module = name.removeprefix(_PACKAGE)
        if module != name and module in ABSENT:
            reason, way = ABSENT[module]
            raise ModuleNotFoundError(f"nnabla's module {module} is not here: {reason}. {way}.", name=name)
        return None


def install():
    """Let imports of absent modules say why they fail."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)
