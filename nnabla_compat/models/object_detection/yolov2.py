"""YOLO v2."""
import numpy as np

from ... import parameter
from ...variable import Variable
from ..pretrained import one_of
from .base import ObjectDetection

_CELL = 32      # pixels of the image, each way, for one cell of the grid
_ANCHORS = 5

# Shape that a reshape gives, from the shape of its input: the file's fits one size of image only.
_RESHAPES = {
    # Darknet's space-to-depth takes the channels apart before it takes rows and columns apart.
    "Reshape": lambda s: (s[0], s[1] // 4, s[2], 2, s[3], 2),
    "Reshape_2": lambda s: (s[0], s[1] * s[2] * s[3] * s[1] * s[2], s[4] // s[1], s[5] // s[2]),
    # (batch, anchors, x y w h o and classes, rows, columns)
    "Reshape_3": lambda s: (s[0], _ANCHORS, s[1] // _ANCHORS, *s[2:]),
    # Numbers of the grid's columns, and of its rows, along their axes.
    "Reshape_4": lambda s: (1, 1, 1, s[0]),
    "Reshape_6": lambda s: (1, 1, s[0], 1),
    "Reshape_5": lambda s: (s[0], s[1], 1, s[2], s[3]),
    "Reshape_7": lambda s: (s[0], s[1], 1, s[2], s[3]),
    # (batch, boxes, values)
    "Reshape_8": lambda s: (s[0], s[1] * s[2] * s[3], s[4]),
}
# Where the slices of the third axis end: x and y, w and h, objectness, classes.
_SLICES = {"Slice": 2, "Slice_2": 4, "Slice_3": 5, "Slice_4": None}


class YoloV2(ObjectDetection):
    """YOLO v2, for images of any height and width that are multiples of 32.

    ``use_up_to`` takes ``'detection'`` (boxes of shape (batch, boxes, 5 + classes): center, width and height as parts
    of the image's size, objectness, scores), ``'convdetect'`` (the last convolution as it is), ``'lastconv'``
    (its input).

    Args:
        dataset (str): What it was trained with, ``'voc'`` (20 classes) or ``'coco'`` (80 classes).

    Source: Redmon and Farhadi, YOLO9000: Better, Faster, Stronger, 2016.
    """

    _NETWORK = "runtime"
    _INPUT = "x"
    _IMAGE = (3, 416, 416)
    _KEY_VARIABLE = {
        "detection": "y",
        "convdetect": "Reshape_3_Output",
        "lastconv": "Reshape_3_Output",
        "Arange": "Arange_Output",
        "Arange2": "Arange_2_Output",
    }

    def __init__(self, dataset='voc'):
        self._dataset_name = one_of("dataset", dataset, ("voc", "coco"))
        self._load_nnp(f"yolov2-{dataset}.nnp", f"yolov2-{dataset}.nnp")
        self._biases = None

    def _fit(self, edits, shape, use_up_to):
        if use_up_to != "detection":
            for key in ("Arange", "Arange2"):
                self.use_up_to(key, edits)
            edits.drop_function("Reshape_3", "Arange", "Arange_2")
            if use_up_to == "lastconv":
                edits.drop_function("Convolution_23")
        grid = np.array(shape[2:]) // _CELL
        file_size = np.array(self.get_nnp_input_size())

        def change(name, edit):
            @edits.on_generate_function_by_name(name)
            def callback(f):
                edit(f.proto, *(list(v.proto.shape.dim) for v in f.inputs[:1]))
                return f

        for name, rule in _RESHAPES.items():
            change(name, lambda proto, s, rule=rule: _set(proto.reshape_param.shape.dim, rule(s)))
        for name, end in _SLICES.items():
            change(name, lambda proto, s, end=end: _set(proto.slice_param.stop, (*s[:2], end or s[2], *s[3:])))
        # Columns and rows are counted, and then scaled to parts of the image.
        for axis, count, scale in ((1, "Arange", "MulScalar_2"), (0, "Arange_2", "MulScalar_3")):
            change(count, lambda proto, n=grid[axis]: setattr(proto.arange_param, "stop", n))
            change(scale, lambda proto, s, ratio=file_size[axis] / shape[2 + axis]:
                   setattr(proto.mul_scalar_param, "val", proto.mul_scalar_param.val * ratio))

        @edits.on_function_pass_by_name("Mul2")
        def scale_anchors(f, variables, scope):
            """Anchors are stored as parts of the grid that the file was written for."""
            name = f.inputs[1].proto.name
            with parameter.parameter_scope("", scope):
                if self._biases is None:
                    self._biases = parameter.get_parameter(name).d.copy()
                ratio = (file_size // _CELL / grid)[::-1].reshape(1, 1, 2, 1, 1)
                parameter.set_parameter(name, Variable.from_numpy_array((self._biases * ratio).astype(np.float32)))


def _set(field, values):
    field[:] = [int(v) for v in values]
