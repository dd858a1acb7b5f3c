"""Where the files of models come from, what is said when they don't, and images of other sizes than the file's."""
import functools
import http.server
import threading

import numpy as np
import pytest

import nnabla_compat as nn
from nnabla_compat.files.errors import FileFormatError
from nnabla_compat.models import imagenet, object_detection, semantic_segmentation
from nnabla_compat.utils.nnp_graph import NnpNetworkPass

from .networks import FILES, deeplab, mobilenet, yolov2
from .scenarios import BEFORE_DROPOUT

pytest.importorskip("google.protobuf")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NNABLA_MODELS_URL_BASE", raising=False)
    nn.clear_parameters()
    return tmp_path / "home" / "nnabla_data" / "nnp_models"


def write(path, network=mobilenet):
    path.parent.mkdir(parents=True, exist_ok=True)
    network().write(path)
    return path


@pytest.fixture
def server(tmp_path):
    """Serves the folder ``published``; yields it and its address."""
    folder = tmp_path / "published"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        cut = 0

        def log_message(self, *args):
            pass

        def copyfile(self, source, target):
            data = source.read()
            target.write(data[:len(data) - self.cut])

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield folder, f"http://127.0.0.1:{serving.server_port}", Handler
        finally:
            serving.shutdown()
            thread.join()


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_file_is_fetched_once_and_kept(server, home, monkeypatch, slash):
    folder, address, _ = server
    published = write(folder / "imagenet/MobileNet/MobileNet.nnp")
    monkeypatch.setenv("NNABLA_MODELS_URL_BASE", address + slash)
    assert imagenet.MobileNet()().shape == (1, 3)
    published.unlink()
    assert imagenet.MobileNet()().shape == (1, 3)
    assert [p.name for p in (home / "imagenet").iterdir()] == ["MobileNet.nnp"]


def test_an_interrupted_transfer_leaves_nothing(server, home, monkeypatch):
    folder, address, handler = server
    write(folder / "imagenet/MobileNet/MobileNet.nnp")
    monkeypatch.setenv("NNABLA_MODELS_URL_BASE", address)
    monkeypatch.setattr(handler, "cut", 7)
    with pytest.raises(FileNotFoundError, match="bytes"):
        imagenet.MobileNet()
    assert not list((home / "imagenet").iterdir())
    handler.cut = 0
    imagenet.MobileNet()


@pytest.mark.parametrize("name", ["imagenet/ShuffleNet-0.5x/ShuffleNet-0.5x.nnp", "imagenet/ShuffleNet-.05x.nnp"])
def test_a_folder_is_read_in_place(tmp_path, home, monkeypatch, name):
    write(tmp_path / "models" / name, FILES["imagenet/ShuffleNet-.05x.nnp"])
    monkeypatch.setenv("NNABLA_MODELS_URL_BASE", str(tmp_path / "models"))
    assert imagenet.ShuffleNet05()().shape == (1, 3)
    assert not list(home.rglob("*.nnp"))


def test_a_missing_file_says_where_it_was_looked_for(server, tmp_path, home, monkeypatch):
    folder, address, _ = server
    monkeypatch.setenv("NNABLA_MODELS_URL_BASE", address)
    with pytest.raises(FileNotFoundError) as error:
        imagenet.ResNet50()
    for part in (str(home / "imagenet/Resnet-50.nnp"), f"{address}/imagenet/Resnet-50/Resnet-50.nnp", "404",
                 "NNABLA_MODELS_URL_BASE"):
        assert part in str(error.value)
    monkeypatch.setenv("NNABLA_MODELS_URL_BASE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/object_detection/yolov2-voc.nnp"):
        object_detection.YoloV2()


def test_a_file_that_is_no_model_is_named(home):
    path = write(home / "imagenet/VGG-11.nnp", lambda: FILES["imagenet/GoogLeNet.nnp"]())
    with pytest.raises(ValueError, match=r"VGG11: expected '.*VGG-11.nnp' to hold the network 'Training', .*'Train'"):
        imagenet.VGG11()
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(FileFormatError, match="VGG-11.nnp"):
        imagenet.VGG11()


def test_variants_are_subclasses_with_the_choice_made(home):
    write(home / "imagenet/Resnet-18.nnp", FILES["imagenet/Resnet-18.nnp"])
    model = imagenet.ResNet18()
    assert isinstance(model, imagenet.ResNet) and model.num_layers == 18
    assert imagenet.ResNet18.__name__ == "ResNet18" and imagenet.ResNet18.__module__ == imagenet.ResNet.__module__


def test_the_pooling_follows_the_image(home):
    """The original looks at the file's sizes, so that force_global_pooling has no effect."""
    write(home / "imagenet/MobileNet.nnp")
    model = imagenet.MobileNet()
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).rand(2, 3, 448, 320).astype(np.float32))
    with pytest.raises(ValueError, match=r"whole image \[14, 10\]"):
        model(x)
    assert model(x, use_up_to="lastconv").shape == (2, 4, 14, 10)  # nothing to check before the pooling
    features = model(x, use_up_to="lastconv+relu")
    pooled = model(x, use_up_to="pool", force_global_pooling=True)
    nn.forward_all([features, pooled])
    np.testing.assert_allclose(pooled.d[..., 0, 0], features.d.mean(axis=(2, 3)), rtol=1e-5)
    assert model(x, force_global_pooling=True).shape == (2, 3)


@pytest.mark.parametrize("file, word", BEFORE_DROPOUT)
@pytest.mark.parametrize("training", [False, True])
def test_a_network_ends_before_a_removed_dropout(home, file, word, training):
    name = file.replace("VGG-", "VGG").partition("-")[0]
    write(home / f"imagenet/{file}.nnp", FILES[f"imagenet/{file}.nnp"])
    model = getattr(imagenet, "InceptionV3" if name == "Inception" else name)()
    net = model(use_up_to=word, training=training, returns_net=True)
    assert [v.shape[2:] for v in net.outputs.values()] == [(1, 1) if word == "pool" else ()] and len(net.inputs) == 1


@pytest.mark.parametrize("batch", [1, -1])
def test_yolo_takes_any_size_again_and_again(home, batch):
    """A network for a size equals one of a file written for that size; the original fails on any other than the file's,
    and on files that leave the batch open."""
    write(home / "object_detection/yolov2-voc.nnp", lambda: yolov2(20, batch=batch))
    model = object_detection.YoloV2()
    write(home / "object_detection/yolov2-voc.nnp", lambda: yolov2(20, size=160))
    large = object_detection.YoloV2()
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).rand(1, 3, 160, 160).astype(np.float32))
    # The file for the larger size stores the anchors as parts of that size's grid.
    wanted = large(x)
    wanted.forward()
    for _ in range(2):
        y = model(x)
        y.forward()
        assert y.shape == (1, 125, 25)
        np.testing.assert_allclose(np.delete(y.d, [2, 3], axis=2), np.delete(wanted.d, [2, 3], axis=2), atol=1e-5)
        np.testing.assert_allclose(y.d[..., 2:4], wanted.d[..., 2:4] * 3 / 5, rtol=1e-4)
    assert model(nn.Variable((2, 3, 64, 128))).shape == (2, 40, 25)
    assert model(nn.Variable((1, 3, 96, 96)), use_up_to="convdetect").shape == (1, 125, 3, 3)


def test_segmentation_of_another_size(home):
    """A network for a size equals one of a file written for that size."""
    name = "semantic_segmentation/DeepLabV3-voc-os-16.nnp"
    write(home / name, deeplab)
    model = semantic_segmentation.DeepLabV3plus()
    write(home / name, lambda: deeplab(97))
    x = nn.Variable.from_numpy_array(np.random.RandomState(0).rand(1, 3, 97, 97).astype(np.float32))
    pair = model(x), semantic_segmentation.DeepLabV3plus()(x)
    nn.forward_all(pair)
    np.testing.assert_allclose(pair[0].d, pair[1].d, rtol=1e-4, atol=1e-4)
    assert model(nn.Variable((2, 3, 80, 97))).shape == (2, 21, 80, 97)


def test_a_model_of_ones_own(home):
    """Code written for the original's base class: it builds the network itself, of whatever name."""
    class Own(imagenet.base.ImageNetBase):
        _KEY_VARIABLE = {"classifier": "DenseNet/Affine"}

        def __init__(self):
            self._load_nnp("DenseNet-161.nnp", "DenseNet-161/DenseNet-161.nnp")

        def _input_shape(self):
            return (3, 224, 224)

        def __call__(self, x):
            edits = NnpNetworkPass()
            edits.remove_and_rewire("ImageAugmentationX")
            edits.set_variable("InputX", self.get_input_var(x))
            self.configure_global_average_pooling(edits, False, True, "DenseNet/AveragePooling_4")
            self.use_up_to("classifier", edits)
            return self.nnp.get_network("Train", batch_size=2, callback=edits).outputs["DenseNet/Affine"]

    write(home / "imagenet/DenseNet-161.nnp", FILES["imagenet/DenseNet-161.nnp"])
    assert Own()(nn.Variable((2, 3, 224, 224))).shape == (2, 3)
