"""Small files with the structure of the pretrained models: the names that models ask for, few channels.

Written without either library, as text and HDF5 in a zip, so that both read the same bytes.
"""
import io
import zipfile

import h5py
import numpy as np


class Network:
    """The description of a network, one function after the other.

    Args:
        name (str): Name of the network.
        suffix (str): What a function's name gets to name its output.
        batch (int): Size of the batch in shapes; -1 leaves it open.
    """

    def __init__(self, name, suffix="", batch=-1):
        self.name, self.suffix, self.batch = name, suffix, batch
        self.shapes, self.variables, self.functions, self.loops = {}, [], [], {}
        self.parameters, self.repeat = {}, []
        self.rng = np.random.RandomState(0)
        self.last = None

    def variable(self, name, shape, kind="Buffer", values=None):
        """Declare a variable of ``shape`` (without the batch, unless it is a parameter)."""
        self.shapes[name] = tuple(shape)
        dims = shape if kind == "Parameter" or shape and shape[0] == "whole" else (self.batch, *shape)
        dims = [d for d in dims if d != "whole"]
        self.variables.append(_message("variable", name=name, type=kind, repeat_id=self.repeat,
                                       shape={"dim": list(dims)}))
        if kind == "Parameter":
            self.parameters[name] = np.asarray(values, np.float32)
        elif self.last is None:
            self.last = name
        return name

    def parameter(self, name, shape, scale=.5, positive=False):
        """Declare a parameter with random values."""
        values = self.rng.randn(*shape) * scale
        return self.variable(name, shape, "Parameter", np.abs(values) + .5 if positive else values)

    def add(self, kind, name, inputs=None, to=None, output=None, outputs=1, **arguments):
        """Add a function on ``inputs`` (by default, the last output); its output has the shape ``to`` (by default, the
        first input's), and becomes the last output. Several ``outputs`` get numbers; the last output is then theirs."""
        inputs = [self.last] if inputs is None else list(inputs)
        output = output or name + self.suffix
        names = [output] if outputs == 1 else [f"{output}_{i}" for i in range(outputs)]
        for made in names:
            self.variable(made, self.shapes[inputs[0]] if to is None else to)
        fields = {_field(kind): arguments} if arguments else {}
        self.functions.append(_message("function", name=name, type=kind, repeat_id=self.repeat, input=inputs,
                                       output=names, **fields))
        self.last = names[0] if outputs == 1 else names
        return self.last

    # -- layers ------------------------------------------------------------------------------------------

    def conv(self, name, maps=4, kernel=1, stride=1, inputs=None, bias=True, **other):
        """A convolution that keeps the image's size but for ``stride``."""
        source = (inputs or [self.last])[0]
        c, *image = self.shapes[source]
        pad = kernel // 2
        image = [(n + 2 * pad - kernel) // stride + 1 for n in image]
        tensors = [source, self.parameter(f"{name}/conv/W", (maps, c, kernel, kernel))]
        if bias:
            tensors.append(self.parameter(f"{name}/conv/b", (maps,)))
        return self.add("Convolution", name, tensors, (maps, *image), base_axis=1, group=1, pad={"dim": [pad] * 2},
                        stride={"dim": [stride] * 2}, dilation={"dim": [1, 1]}, **other)

    def bn(self, name):
        """Batch normalization with its four parameters."""
        c = self.shapes[self.last][0]
        shape = (1, c, 1, 1)
        tensors = [self.last] + [self.parameter(f"{name}/bn/{p}", shape, positive=p in ("gamma", "var"))
                                 for p in ("beta", "gamma", "mean", "var")]
        return self.add("BatchNormalization", name, tensors, axes=[1], decay_rate=.9, eps=1e-4, batch_stat=True)

    def pool(self, name, kind="AveragePooling", size=None):
        """A pooling, over the whole image by default."""
        c, *image = self.shapes[self.last]
        size = size or image
        extra = {"including_pad": True} if kind == "AveragePooling" else {}
        return self.add(kind, name, None, (c, *[n // s for n, s in zip(image, size)]), kernel={"dim": size},
                        stride={"dim": size}, ignore_border=True, pad={"dim": [0, 0]}, **extra)

    def affine(self, name, maps=3, inputs=None):
        """A fully connected layer."""
        source = (inputs or [self.last])[0]
        n = int(np.prod(self.shapes[source]))
        w, b = self.parameter(f"{name}/affine/W", (n, maps), 1 / n ** .5), self.parameter(f"{name}/affine/b", (maps,))
        return self.add("Affine", name, [source, w, b], (maps,), base_axis=1)

    def relu(self, name):
        """A rectified linear unit."""
        return self.add("ReLU", name, inplace=False)

    def dropout(self, name):
        """A dropout."""
        return self.add("Dropout", name, p=.5, seed=1)

    def reshape(self, name, *shape, inputs=None, output=None):
        """A reshape; ``shape`` is without the batch."""
        return self.add("Reshape", name, inputs, shape, output, shape={"dim": [self.batch, *shape]}, inplace=True)

    def image(self, name, size, augmentation="ImageAugmentationX"):
        """The input, and the augmentation that models leave out."""
        self.variable(name, (3, size, size))
        self.add("ImageAugmentation", augmentation, shape={"dim": [3, size, size]}, pad={"dim": [0, 0]}, min_scale=1.,
                 max_scale=1., aspect_ratio=1., contrast=1., seed=1)

    def loss(self, *names):
        """Cross entropy of the last output with labels, under ``names`` (of the loss, and of what scales it)."""
        if "Label" not in self.shapes:
            last, self.last = self.last, self.last
            self.variable("Label", (1,))
            self.last = last
        self.add("SoftmaxCrossEntropy", names[0], [self.last, "Label"], (1,), axis=1)
        for name in names[1:]:
            self.add("MulScalar", name, val=.3, inplace=False)

    def loop(self, name, times, body):
        """Repeat ``body(last output)``."""
        self.loops[name] = times
        start, outer, shape = self.last, list(self.repeat), self.shapes[self.last]
        self.repeat = [*outer, name]
        place = len(self.functions)
        self.variable(name, shape)
        self.last = name
        body()
        feedback = self.last
        first = _message("function", name=name, type="RepeatStart", repeat_id=self.repeat, input=[start, feedback],
                         output=[name], repeat_param={"repeat_id": name, "times": times})
        self.functions.insert(place, first)
        self.repeat = outer
        end = name.replace("Start", "End")
        self.variable(end, shape)
        self.functions.append(_message("function", name=end, type="RepeatEnd", repeat_id=self.repeat, input=[feedback],
                                       output=[end], repeat_param={"repeat_id": name, "times": times}))
        self.last = end

    # -- files -------------------------------------------------------------------------------------------

    def text(self):
        """The network as a text message."""
        loops = [_message("repeat_info", id=name, times=times) for name, times in self.loops.items()]
        body = "\n".join([f'name: "{self.name}"', "batch_size: 1", *loops, *self.variables, *self.functions])
        return f"network {{\n{body}\n}}\n"

    def write(self, path):
        """Write an .nnp file."""
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            for index, (name, values) in enumerate(self.parameters.items()):
                dataset = file.create_dataset(name, data=values)
                dataset.attrs["index"], dataset.attrs["need_grad"] = index, True
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("nnp_version.txt", "0.1\n")
            archive.writestr("network.nntxt", self.text())
            archive.writestr("parameter.h5", buffer.getvalue())


def _message(kind, /, **fields):
    parts = []
    for key, value in fields.items():
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, dict):
                parts.append(_message(key, **item))
            elif isinstance(item, bool):
                parts.append(f"{key}: {str(item).lower()}")
            else:
                parts.append(f'{key}: "{item}"' if isinstance(item, str) else f"{key}: {item}")
    return f"{kind} {{ {' '.join(parts)} }}"


def _field(kind):
    words = "".join(f"_{ch.lower()}" if ch.isupper() else ch for ch in kind).lstrip("_")
    return words.replace("re_l_u", "relu") + "_param"


# -- the models ----------------------------------------------------------------------------------------------

def residual(n, add, relu, inputs):
    """A block that ends in the sum ``add`` and the activation ``relu``."""
    n.conv(f"{add}_conv")
    n.bn(f"{add}_bn")
    n.add("Add2", add, [n.last, inputs], inplace=False)
    n.relu(relu)


def alexnet():
    n = Network("Training")
    n.image("TrainingInput", 227)
    n.conv("TrainNet/Convolution", stride=32, kernel=3)
    n.conv("TrainNet/Convolution_5")
    n.relu("TrainNet/ReLU_5")
    n.pool("TrainNet/MaxPooling_3", "MaxPooling", [2, 2])
    n.affine("TrainNet/Affine", 5)
    n.dropout("TrainNet/Dropout")
    n.affine("TrainNet/Affine_2", 5)
    n.relu("TrainNet/ReLU_7")
    n.dropout("TrainNet/Dropout_2")
    n.affine("TrainNet/Affine_3")
    n.loss("Loss")
    return n


def densenet():
    n = Network("Train")
    n.image("InputX", 224)
    n.conv("DenseNet/Convolution", stride=32, kernel=3)
    a = n.last
    n.conv("DenseNet/Convolution_2")
    n.add("Concatenate", "DenseNet/Concatenate", [a, n.last], (8, 7, 7), axis=1)
    n.bn("DenseNet/BatchNormalization_5")
    n.relu("DenseNet/ReLU_5")
    n.pool("DenseNet/AveragePooling_4")
    n.affine("DenseNet/Affine")
    n.loss("Loss")
    return n


def googlenet():
    n = Network("Train")
    n.image("InputX", 224)
    n.conv("Convolution", stride=32, kernel=3)
    for tower, pool, conv, relu, affines, dropout, loss in (
            (1, "AveragePooling", "Convolution_22", ("ReLU_22", "ReLU_23"), ("Affine", "Affine_2"), "Dropout",
             ("SoftmaxCrossEntropy", "MulScalarLoss1")),
            (2, "AveragePooling_2", "Convolution_41", ("ReLU_42", "ReLU_43"), ("Affine_3", "Affine_4"), "Dropout_2",
             ("SoftmaxCrossEntropy_2", "MulScalarLoss2"))):
        trunk = n.last
        n.pool(pool, size=[3, 3])
        n.conv(conv)
        n.relu(relu[0])
        n.affine(affines[0], 5)
        n.relu(relu[1])
        n.dropout(dropout)
        n.affine(affines[1])
        n.loss(*loss)
        n.last = trunk
        n.conv(f"Convolution_trunk{tower}")
        n.bn(f"BatchNormalization_trunk{tower}")
    a = n.last
    n.conv("Convolution_last")
    n.add("Concatenate", "Concatenate_9", [a, n.last], (8, 7, 7), axis=1)
    n.pool("AveragePooling_3")
    n.dropout("Dropout_3")
    n.affine("Affine_5")
    n.loss("SoftmaxCrossEntropy_3")
    return n


def inception():
    n = Network("Train")
    n.image("Iv3TrainInput", 299, "ImageAugmentation")
    n.conv("Conv/Convolution", stride=32, kernel=3)
    n.bn("Conv/BatchNormalization")
    trunk = n.last
    n.conv("Conv_6/Convolution")
    n.bn("Conv_6/BatchNormalization")
    n.relu("Conv_6/ReLU")
    n.pool("AveragePooling", size=[5, 5])
    n.conv("Conv_7/Convolution")
    n.bn("Conv_7/BatchNormalization")
    n.relu("Conv_7/ReLU")
    n.affine("Affine_2")
    n.loss("SoftmaxCrossEntropy_2", "MulScalar_2")
    n.last = trunk
    n.conv("Inception_11/Convolution")
    n.add("Concatenate", "Inception_11/Concatenate", [trunk, n.last], (8, 10, 10), axis=1)
    n.pool("AveragePooling_2")
    n.dropout("Dropout")
    n.affine("Affine")
    n.loss("SoftmaxCrossEntropy")
    return n


def mobilenet():
    n = Network("Training")
    n.image("InputX", 224)
    n.conv("Convolution", stride=32, kernel=3, bias=False)
    n.bn("BatchNormalization_19")
    n.relu("ReLU_19")
    n.pool("AveragePooling")
    n.affine("Affine")
    n.loss("Loss")
    return n


def mobilenet_v2():
    n = Network("Training")
    n.image("InputX", 224)
    n.conv("Convolution", stride=32, kernel=3, bias=False)
    n.bn("BatchNormalization_2")
    n.relu("ReLU_2")
    n.pool("AveragePooling")
    n.conv("Convolution_2", 3)
    n.reshape("Reshape", 3)
    n.loss("Loss")
    return n


def nin():
    n = Network("Training")
    n.image("TrainingInput", 227)
    n.conv("NIN/Convolution", stride=32, kernel=3)
    n.dropout("NIN/Dropout")
    n.conv("NIN/Convolution_3", 3)
    n.relu("NIN/ReLU_3")
    n.pool("NIN/AveragePooling")
    n.reshape("NIN/Reshape", 3)
    n.loss("Loss")
    return n


def residual_loop(loop, turns, add, relu, dropout=None, squeeze=False):
    n = Network("Training")
    n.image("InputX", 224)
    n.conv("Convolution", stride=32, kernel=3)
    n.bn("BatchNormalization")

    def block():
        source = n.last
        residual(n, add, relu, source)
        if squeeze:
            scaled = n.last
            n.pool("AveragePooling_4")
            n.add("Mul2", "Mul2", [scaled, n.last], n.shapes[scaled], inplace=False)
    n.loop(loop, turns, block)
    n.pool("AveragePooling")
    if dropout:
        n.dropout(dropout)
    n.affine("Affine")
    n.loss("Loss")
    return n


def resnet(turns=2):
    return residual_loop("RepeatStart_4", turns, "Add2_7", "ReLU_25")


def senet():
    return residual_loop("RepeatStart_4", 2, "Add2_7", "ReLU_25", "Dropout", squeeze=True)


def shufflenet():
    return residual_loop("RepeatStart_3", 3, "Add2_3", "ReLU_8")


def squeezenet(prefix):
    n = Network("Training")
    n.image("TrainingInput", 227)
    n.conv(f"{prefix}Convolution", stride=32, kernel=3)
    n.dropout(f"{prefix}Dropout")
    n.conv(f"{prefix}Convolution_2", 3)
    n.relu(f"{prefix}ReLU_2")
    n.pool(f"{prefix}AveragePooling")
    n.reshape(f"{prefix}Reshape", 3)
    n.loss("Loss")
    return n


def vgg(layers, last):
    n = Network("Training")
    n.image("TrainingInput", 224)
    n.conv(f"VGG{layers}/Convolution", stride=32, kernel=3)
    n.conv(f"VGG{layers}/Convolution_{last}")
    n.relu(f"VGG{layers}/ReLU_{last}")
    n.pool(f"VGG{layers}/MaxPooling_5", "MaxPooling", [2, 2])
    n.affine(f"VGG{layers}/Affine", 5)
    n.dropout(f"VGG{layers}/Dropout_1")
    n.affine(f"VGG{layers}/Affine_2", 5)
    n.dropout(f"VGG{layers}/Dropout_2")
    n.affine(f"VGG{layers}/Affine_3")
    n.loss("Loss")
    return n


def xception():
    n = Network("Training")
    n.image("InputX", 299, "ImageAugmentation")
    n.conv("Unit/Convolution", stride=32, kernel=3)
    n.bn("Unit/SeparableConv_13/SepConvBN")
    n.relu("Unit/ReLU_14")
    n.pool("Unit/AveragePooling")
    n.dropout("Unit/Dropout")
    n.affine("Unit/Affine")
    n.loss("Loss")
    return n


def yolov2(classes, size=96, batch=1):
    """Written for images of ``size``: a grid of ``size`` / 32 cells each way."""
    g, anchors, values = size // 32, 5, classes + 5
    n = Network("runtime", "_Output", batch)
    n.variable("x", (3, size, size))
    n.conv("Convolution", 4, kernel=3, stride=16)
    n.bn("BatchNormalization")
    fine = n.last
    n.conv("Convolution_22", 4, kernel=3, stride=2)
    coarse = n.last
    n.reshape("Reshape", 1, 2 * g, 2, 2 * g, 2, inputs=[fine])
    n.add("Transpose", "Transpose", None, (2, 2, 1, 2 * g, 2 * g), axes=[0, 3, 5, 1, 2, 4])
    n.reshape("Reshape_2", 16, g, g)
    n.add("Concatenate", "Concatenate", [n.last, coarse], (20, g, g), axis=1)
    n.conv("Convolution_23", anchors * values)
    y = n.reshape("Reshape_3", anchors, values, g, g)

    def cut(name, start, stop):
        return n.add("Slice", name, [y], (anchors, stop - start, g, g), start=[0, 0, start, 0, 0],
                     stop=[1, anchors, stop, g, g], step=[1] * 5)
    xy, wh, objectness, scores = (cut(*p) for p in (
        ("Slice", 0, 2), ("Slice_2", 2, 4), ("Slice_3", 4, 5), ("Slice_4", 5, values)))
    objectness = n.add("Sigmoid", "Sigmoid", [objectness])
    scores = n.add("Softmax", "Softmax", [scores], axis=2)
    xy = n.add("Sigmoid", "Sigmoid_2", [xy])

    def counted(arange, reshape, shape):
        n.add("Arange", arange, [], ("whole", g), start=0., stop=float(g), step=1.)
        return n.add("Reshape", reshape, None, ("whole", *shape), shape={"dim": shape}, inplace=False)
    columns = counted("Arange", "Reshape_4", (1, 1, 1, g))
    rows = counted("Arange_2", "Reshape_6", (1, 1, g, 1))
    halves = []
    parts = n.add("Split", "Split", [xy], (anchors, g, g), outputs=2, axis=2)
    for part, offset, reshape, add, scale in zip(parts, (columns, rows), ("Reshape_5", "Reshape_7"), ("Add2", "Add2_2"),
                                                 ("MulScalar_2", "MulScalar_3")):
        n.add("Add2", add, [part, offset], inplace=False)
        n.add("MulScalar", scale, val=1 / g, inplace=False)
        halves.append(n.reshape(reshape, anchors, 1, g, g))
    wh = n.add("Exp", "Exp", [wh])
    shape = (1, anchors, 2, 1, 1)
    biases = n.variable("biases", shape, "Parameter", np.linspace(.1, 1, 2 * anchors).reshape(shape))
    wh = n.add("Mul2", "Mul2", [wh, biases], inplace=False)
    n.add("Concatenate", "Concatenate_2", [*halves, wh, objectness, scores], (anchors, values, g, g), axis=2)
    n.add("Transpose", "Transpose_2", None, (anchors, g, g, values), axes=[0, 1, 3, 4, 2])
    n.reshape("Reshape_8", anchors * g * g, values, output="y")
    return n


def deeplab(size=65):
    n = Network("runtime", "_Output")
    n.variable("x", (3, size, size))

    def shrink(name):
        return n.conv(name, 4, kernel=3, stride=2)

    def grow(name, times):
        out = size
        for _ in range(times):
            out = (out + 1) // 2
        return n.add("Interpolate", name, None, (n.shapes[n.last][0], out, out), output_size=[out, out],
                     mode="linear", align_corners=True)
    shrink("Convolution")
    low = shrink("Convolution_2")
    shrink("Convolution_3")
    shrink("Convolution_4")
    n.bn("BatchNormalization")
    deep = n.last
    n.pool("AveragePooling")
    pooled = grow("Interpolate", 4)
    n.add("Concatenate", "Concatenate", [deep, pooled], (8, *n.shapes[deep][1:]), axis=1)
    grown = grow("Interpolate_2", 2)
    n.add("Concatenate", "Concatenate_2", [low, grown], (12, *n.shapes[low][1:]), axis=1)
    n.conv("Convolution_146")
    n.bn("BatchNormalization_146")
    n.add("ReLU", "ReLU_82", inplace=False)
    n.conv("Convolution_147", 21)
    n.add("Interpolate", "Interpolate_3", None, (21, size, size), output="y", output_size=[size, size], mode="linear",
          align_corners=True)
    return n


# Path below the home of models -> network.
FILES = {
    "imagenet/AlexNet.nnp": alexnet,
    "imagenet/DenseNet-161.nnp": densenet,
    "imagenet/GoogLeNet.nnp": googlenet,
    "imagenet/Inception-v3.nnp": inception,
    "imagenet/MobileNet.nnp": mobilenet,
    "imagenet/MobileNet-v2.nnp": mobilenet_v2,
    "imagenet/NIN.nnp": nin,
    **{f"imagenet/Resnet-{n}.nnp": (lambda n=n: resnet(1 if n == 18 else 2)) for n in (18, 34, 50, 101, 152)},
    **{f"imagenet/ResNeXt-{n}.nnp": resnet for n in (50, 101)},
    "imagenet/SENet-154.nnp": senet,
    **{f"imagenet/ShuffleNet{v}.nnp": shufflenet for v in ("", "-.05x", "-2.0x")},
    "imagenet/SqueezeNet-1.0.nnp": lambda: squeezenet(""),
    "imagenet/SqueezeNet-1.1.nnp": lambda: squeezenet("SqueezeNet/"),
    **{f"imagenet/VGG-{n}.nnp": (lambda n=n: vgg(n, 13 if n == 16 else 12)) for n in (11, 13, 16)},
    "imagenet/Xception.nnp": xception,
    "object_detection/yolov2-voc.nnp": lambda: yolov2(20),
    "object_detection/yolov2-coco.nnp": lambda: yolov2(80),
    **{f"semantic_segmentation/DeepLabV3-{d}-os-{s}.nnp": deeplab for d in ("voc", "voc-coco") for s in (16, 8)},
}
