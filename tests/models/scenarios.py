"""Pretrained models, run alike on the real nnabla (to record) and on this package (to compare), on small files.

Each scenario takes the library's name and returns plain data; nothing here imports either library.
"""
import contextlib
import io
import os
import sys
import tempfile
from importlib import import_module
from unittest import mock

import numpy as np

from .networks import FILES

SCENARIOS = {}


def scenario(f):
    SCENARIOS[f.__name__] = f
    return f


def modules(library, *names):
    return [import_module(f"{library}.{name}" if name else library) for name in names]


@contextlib.contextmanager
def home_with(*files):
    """A home folder that keeps the files of models."""
    before = os.environ.get("HOME")
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        try:
            for name in files:
                path = os.path.join(home, "nnabla_data", "nnp_models", name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                FILES[name]().write(path)
            with contextlib.redirect_stdout(io.StringIO()):
                yield home
        finally:
            if before is None:
                del os.environ["HOME"]
            else:
                os.environ["HOME"] = before


def batch(nn, shape):
    """A Variable with waves."""
    x = nn.Variable(shape)
    x.d = np.sin(np.arange(int(np.prod(shape))) * .1).reshape(shape)
    return x


def summary(net):
    """The network that a model built: its ends, its parameters, what its outputs hold."""
    seen = []
    for y in net.outputs.values():
        y.forward()
        y.visit(lambda f: seen.append([f.info.type_name, f.info.args.get("batch_stat"), f.info.args.get("kernel")]))
    return {"inputs": {k: list(v.shape) for k, v in net.inputs.items()},
            "outputs": {k: [list(v.shape), *(float(f(v.d)) for f in (np.max, np.min, lambda d: np.abs(d).mean()))]
                        for k, v in net.outputs.items()},
            "functions": seen,
            "variables": len(net.variables), "learn": sorted(k for k, v in net.variables.items() if v.need_grad)}


def attempt(f):
    try:
        return f()
    except Exception as error:
        return type(error).__name__


def classifier(library, name, file, *arguments, towers=False, **options):
    """Everything a classifier can be asked for."""
    nn, imagenet = modules(library, "", "models.imagenet")
    with home_with(f"imagenet/{file}.nnp"):
        model = getattr(imagenet, name)(*arguments)

        def built(**how):
            nn.clear_parameters()
            how = {**options, **how}
            net = model(batch(nn, (2,) + model.input_shape), returns_net=True, **how)
            return [summary(net), sorted(nn.get_parameters(grad_only=False))]
        words = [k for k in model._KEY_VARIABLE if not k.startswith("_")]
        result = {word: built(use_up_to=word) for word in words if (file, word) not in BEFORE_DROPOUT}
        # Dropout draws random numbers, so only the shape of what is trained is compared.
        trained = attempt(lambda: built(training=True))
        trained[0]["outputs"] = {k: v[0] for k, v in trained[0]["outputs"].items()}
        result["training"] = trained
        result["pooling"] = built(force_global_pooling=True), built(check_global_pooling=False)
        result["input_shape"], result["words"] = list(model.input_shape), words
        result["last"] = list(model(use_up_to=words[0]).shape)
        result["refused"] = [attempt(lambda: model(use_up_to="nothing")), attempt(lambda: model(nn.Variable((1, 1, 8, 8)))),
                             attempt(lambda: model(nn.Variable((3, 8, 8))))]
        if towers:
            result["towers"] = [list(v.shape) for v in model(training=True, with_aux_tower=True)]
            result["towers refused"] = attempt(lambda: model(with_aux_tower=True))
        return result


# Files and ends that a removed dropout follows: the original does not stop there.
BEFORE_DROPOUT = [(file, "pool") for file in ("GoogLeNet", "Inception-v3", "SENet-154", "Xception")]
BEFORE_DROPOUT += [(f"VGG-{n}", "lastfeature") for n in (11, 13, 16)]

for name, file, *rest in (
        ("AlexNet", "AlexNet"), ("DenseNet", "DenseNet-161"), ("GoogLeNet", "GoogLeNet"), ("InceptionV3", "Inception-v3"),
        ("MobileNet", "MobileNet"), ("MobileNetV2", "MobileNet-v2"), ("NIN", "NIN"), ("SENet", "SENet-154"),
        ("ResNet", "Resnet-50", 50), *((f"ResNet{n}", f"Resnet-{n}") for n in (18, 34, 101, 152)),
        ("ResNeXt", "ResNeXt-101", 101), ("ResNeXt50", "ResNeXt-50"),
        ("ShuffleNet", "ShuffleNet", 10), ("ShuffleNet05", "ShuffleNet-.05x"), ("ShuffleNet20", "ShuffleNet-2.0x"),
        ("SqueezeNetV10", "SqueezeNet-1.0"), ("SqueezeNet", "SqueezeNet-1.1"),
        ("VGG", "VGG-16", 16), ("VGG11", "VGG-11"), ("VGG13", "VGG-13"), ("Xception", "Xception")):
    SCENARIOS[name] = lambda library, name=name, file=file, rest=rest: classifier(
        library, name, file, *rest, towers=name in ("GoogLeNet", "InceptionV3"))


@scenario
def classifier_choices(library):
    imagenet, base = modules(library, "models.imagenet", "models.imagenet.base")
    with home_with():
        return [[attempt(lambda: getattr(imagenet, name)(wrong))
                 for name, wrong in (("ResNet", 19), ("ResNeXt", 18), ("VGG", 19), ("SqueezeNet", "v2"), ("ShuffleNet", 1))],
                attempt(lambda: base.ImageNetBase().input_shape), attempt(lambda: base.ImageNetBase()()),
                len(base.ImageNetBase().category_names), base.ImageNetBase().category_names[::250]]


@scenario
def yolov2(library):
    nn, detection = modules(library, "", "models.object_detection")
    result = {}
    with home_with("object_detection/yolov2-voc.nnp", "object_detection/yolov2-coco.nnp"):
        for dataset in ("voc", "coco"):
            model = detection.YoloV2(dataset)
            result[dataset] = [list(model.input_shape), list(model.get_nnp_input_size()), model.get_category_names()]
            for word in ("detection", "convdetect", "lastconv"):
                for training in (False, True):
                    nn.clear_parameters()
                    net = model(batch(nn, (1, 3, 96, 96)), use_up_to=word, training=training, returns_net=True)
                    result[dataset].append(summary(net))
        result["refused"] = [attempt(lambda: detection.YoloV2("imagenet")),
                             attempt(lambda: model(nn.Variable((1, 3, 96, 96)), use_up_to="pool"))]
    return result


@scenario
def deeplab(library):
    nn, segmentation = modules(library, "", "models.semantic_segmentation")
    names = [(d, s) for d in ("voc", "voc-coco") for s in (16, 8)]
    result = {}
    with home_with(*(f"semantic_segmentation/DeepLabV3-{d}-os-{s}.nnp" for d, s in names)):
        for dataset, stride in names:
            model = segmentation.DeepLabV3plus(dataset, stride)
            result[f"{dataset} {stride}"] = [list(model.input_shape), model.category_names]
            for word in ("segmentation", "lastconv", "lastconv+relu"):
                nn.clear_parameters()
                net = model(batch(nn, (2, 3, 65, 65)), use_up_to=word, training=stride == 8, returns_net=True)
                result[f"{dataset} {stride}"].append(summary(net))
        result["refused"] = [attempt(lambda: segmentation.DeepLabV3plus("coco")),
                             attempt(lambda: segmentation.DeepLabV3plus("voc", 4))]
    return result


@scenario
def letterboxes(library):
    utils, = modules(library, "models.object_detection.utils")
    rng = np.random.RandomState(0)
    result = []
    for height, width in ((20, 30), (30, 20), (64, 64), (7, 90)):
        image = np.full((height, width, 3), 200, np.uint8)
        box = utils.LetterBoxTransform(image, 64, 96)
        result.append([box.new_w, box.new_h, box.im_w, box.im_h, box.image.astype(int).sum(axis=(0, 2)),
                       box.inverse_coordinate_transform(rng.rand(3, 7))])
    result.append(attempt(lambda: utils.letterbox(np.zeros((4, 4, 3)), 8, 8)))
    return result


@scenario
def drawn_boxes(library):
    utils, = modules(library, "models.object_detection.utils")
    image = np.zeros((60, 80, 3), np.uint8)
    boxes = np.array([[40, 30, 20, 30, .9, .1, .8], [10, 40, 60, 20, .5, .9, .7], [1, 1, 1, 1, .1, .1, .2]])
    # With OpenCV its lines are two pixels wide.
    with contextlib.redirect_stdout(io.StringIO()) as printed, mock.patch.dict(sys.modules, cv2=None):
        drawn = utils.draw_bounding_boxes(image, boxes, ["cat", "dog"])
        thin = utils.draw_bounding_boxes(image, boxes, ["cat", "dog"], [(255, 0, 0), (0, 255, 0)], thresh=.85)
    # Fonts differ from one Pillow to the next: the frames, without the rows of text.
    return [printed.getvalue(), drawn[50], thin[50], image.max()]


@scenario
def segmented_images(library):
    utils, prepare, images = modules(library, "models.semantic_segmentation.utils",
                                     "models.semantic_segmentation.image_preprocess", "utils.image_utils")
    rng = np.random.RandomState(0)
    image = np.full((20, 30, 3), 255, np.uint8)
    labels = rng.randint(0, 21, (48, 64))
    process = utils.ProcessImage(image, 48, 64)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "labels.png")
        before, after = process.pre_process(), process.post_process(labels.astype(np.uint8))
        process.save_segmentation_image(path)
        pictures = [images.imread(path)]
        utils.save_image(path, labels % 3, np.array([[0, 0, 0], [9, 0, 90], [0, 180, 0]]))
        pictures.append(images.imread(path))
    return [before.shape, before.dtype.name, before[0, 0, ::6, ::8], after, pictures[0][::4, ::4], pictures[1][::8, ::8],
            utils.get_color(), prepare.pad(image[:2, :2] * 1., (3, 3), 7.),
            prepare.resize(labels[..., None].astype(np.uint8), (12, 20)).shape,
            prepare.cast(image).dtype.name, prepare.zero_mean_unit_range(np.array([0., 127.5, 255.]))]


@scenario
def where_models_are(library):
    utils, = modules(library, "models.utils")
    with home_with() as home:
        os.environ.pop("NNABLA_MODELS_URL_BASE", None)
        answers = [utils.get_model_home().replace(home, "~"), utils.get_model_url_base_from_env(),
                   utils.get_model_url_base()]
        os.environ["NNABLA_MODELS_URL_BASE"] = "https://somewhere/else"
        try:
            return answers + [utils.get_model_url_base_from_env(), utils.get_model_url_base()]
        finally:
            del os.environ["NNABLA_MODELS_URL_BASE"]


@scenario
def finetuning(library):
    """Features of a model under a new classifier, trained together."""
    nn, F, PF, S, imagenet = modules(library, "", "functions", "parametric_functions", "solvers", "models.imagenet")
    nn.clear_parameters()
    rng = np.random.RandomState(0)
    with home_with("imagenet/Resnet-18.nnp"):
        model = imagenet.ResNet18()
        x, t = nn.Variable((4,) + model.input_shape), nn.Variable((4, 1))
        x.d, t.d = rng.randint(0, 256, x.shape) / 256, rng.randint(0, 7, t.shape)
        features = model(x, use_up_to="pool", training=True)
    with nn.parameter_scope("new"):
        loss = F.mean(F.softmax_cross_entropy(PF.affine(features, 7, w_init=rng.randn(4, 7) * .1), t))
    solver = S.Momentum(.01)
    solver.set_parameters(nn.get_parameters())
    losses = []
    for _ in range(5):
        loss.forward(clear_no_need_grad=True)
        solver.zero_grad()
        loss.backward(clear_buffer=True)
        solver.update()
        losses.append(float(loss.d))
    return losses, {k: float(np.abs(v.d).mean()) for k, v in nn.get_parameters(grad_only=False).items()}
