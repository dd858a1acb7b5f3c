"""What commands say and leave behind when they cannot do their work."""
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nnabla_compat as nn
from nnabla_compat.utils.cli import cli, utility
from nnabla_compat.utils.cli.cli import run
from nnabla_compat.utils.load import load
from nnabla_compat.utils.nnp_graph import NnpLoader

from . import scenarios

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(scenarios.sandbox(tmp_path))
    return tmp_path


def fails(command, capsys, *words):
    """The command ends with status 255 and a line that holds ``words``, and no traceback."""
    assert run(command.split()) == 255
    printed, error = capsys.readouterr()
    assert "Traceback" not in printed + error
    for word in words:
        assert word in error, error


def test_processes_end_with_the_status(folder):
    def process(*arguments):
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        return subprocess.run([sys.executable, "-m", "nnabla_compat", *arguments], cwd=folder, capture_output=True, text=True,
                              env=dict(os.environ, PYTHONPATH=path), timeout=300)

    done = process("cli", "decode_param", "-p", "convbn.h5", "-o", "decoded")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("NNabla command line interface (Version:1.39.0")
    assert process("run", "-m", "nnabla.utils.cli.cli", "version").returncode == 255
    assert process("cli", "nosuch").returncode == 2
    assert process("cli").returncode == 255


def test_main_returns_after_success(folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", "nnabla_cli decode_param -p convbn.h5 -o decoded".split())
    assert cli.main() is None
    monkeypatch.setattr(sys, "argv", ["nnabla_cli", "version"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == -1


def test_without_optional_libraries_the_other_commands_work(folder, monkeypatch, capsys):
    """A command whose module cannot be imported says what to install; it is one of several."""
    import importlib
    import_module = importlib.import_module

    def without_protobuf(name, *rest):
        if name.endswith(".train"):
            raise ImportError("Run: pip install nnabla-compat[nnp]")
        return import_module(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without_protobuf)
    fails("train -c nnp/full.nntxt -o out -h", capsys, "pip install nnabla-compat[nnp]")
    assert run("decode_param -p convbn.h5 -o decoded".split()) == 0


def test_decode_param(folder, capsys):
    fails("decode_param -o decoded", capsys, "-p")
    fails("decode_param -p nowhere.h5 -o decoded", capsys, "nowhere.h5")
    assert not (folder / "decoded").exists()
    with pytest.raises(SystemExit) as left:
        run(["decode_param"])
    assert left.value.code == 2


def test_names_of_any_characters_return(folder):
    names = ["a/ü 1", "a/b", "50%/~x".replace("~", "-"), "dots/..", "q?*"]
    for i, name in enumerate(names):
        nn.parameter.get_parameter_or_create(name, (2, i), initializer=np.full((2, i), i, np.float32))
    nn.save_parameters("odd.h5")
    nn.clear_parameters()
    assert run("decode_param -p odd.h5 -o decoded".split()) == 0
    assert run("encode_param -i decoded -p back.h5".split()) == 0
    nn.clear_parameters()
    nn.load_parameters("back.h5")
    found = nn.get_parameters(grad_only=False)
    assert set(found) == set(names)
    for i, name in enumerate(names):
        assert found[name].shape == (2, i) and (found[name].d == i).all()


@pytest.mark.parametrize("text", ["(3,)\n1\n2", "(2,)\n1\ntwo", "__import__('os').system('touch owned')\n1", "", "3\n1\n2\n3",
                                  "(-1,)\n", "(1000000, 1000000)\n1"])
def test_encode_param_refuses_text_that_is_no_parameter(folder, capsys, text):
    (folder / "texts").mkdir()
    (folder / "texts" / "W.txt").write_text(text)
    (folder / "old.h5").write_bytes(b"what was there")
    fails("encode_param -i texts -p old.h5", capsys, "W.txt")
    assert (folder / "old.h5").read_bytes() == b"what was there" and not (folder / "owned").exists()


def test_infer(folder, capsys):
    fails("infer -c nnp/full.nnp -o y in.bin", capsys, "'x'", "12", "-b")
    fails("infer -c nowhere.nnp -o y in.bin", capsys, "nowhere.nnp")
    (folder / "damaged.nnp").write_bytes((folder / "nnp" / "full.nnp").read_bytes()[:500])
    fails("infer -c damaged.nnp -o y in.bin", capsys, "damaged.nnp")
    assert not list(folder.glob("y*"))


def test_forward(folder, capsys):
    fails("forward -c nnp/full.nnp -o out", capsys, "-d")
    fails("forward -c nnp/full.nnp -d dataset/train.csv -o nowhere", capsys, "nowhere")
    fails("forward -c nnp/full.nnp -d dataset/train.txt -o out", capsys, ".csv")
    fails("forward -c nnp/full.nnp -d dataset/files.csv -o out", capsys)
    assert scenarios.files_in(folder / "out") <= {"progress.txt"}


def test_forward_takes_another_batch_size(folder):
    assert run("forward -c nnp/full.nnp -d dataset/train.csv -o out -b 5".split()) == 0
    assert run("forward -c nnp/full.nnp -d dataset/train.csv -o out -f one.csv -b 1".split()) == 0
    assert len((folder / "out" / "output_result.csv").read_text().splitlines()) == 13
    assert len((folder / "out" / "one.csv").read_text().splitlines()) == 13


@pytest.mark.parametrize("text, number", [("1234", 1234), ("2e10", 1024), ("1.5K", 1500), ("4g", 4 << 30), ("1.5", -1),
                                          ("0", -1), ("x", -1), ("3T", 3 * 10 ** 12), ("1.5e2", 2), ("12kB", -1)])
def test_sizes(text, number):
    assert utility.str_to_num(text) == number


def test_train(folder, capsys):
    fails("train -c nnp/full.nntxt -o nowhere", capsys, "nowhere")
    text = (folder / "nnp" / "full.nntxt").read_text()
    (folder / "infer.nntxt").write_text(text.replace("training_config {\n  max_epoch: 3\n  iter_per_epoch: 3\n  save_best: true\n}\n", ""))
    fails("train -c infer.nntxt -o out", capsys, "training configuration")
    (folder / "wrong.nntxt").write_text(text.replace('data_name: "y"', 'data_name: "label"'))
    fails("train -c wrong.nntxt -o out", capsys, '"label"')
    fails("train -c nnp/full.nntxt -o out -p convbn.protobuf", capsys, "convbn.protobuf")
    assert scenarios.files_in(folder / "out") <= {"progress.txt"}


def test_train_keeps_the_best_result_when_its_error_is_zero(folder, monkeypatch):
    """nnabla takes a best error of 0 for none, and replaces the best network by a worse one."""
    from nnabla_compat.utils.cli import snapshots, train
    errors, saved = iter([0.5, 0.0, 0.3]), []
    monkeypatch.setattr(train.Training, "_error_of", lambda self, name, *_: next(errors) if name == "valid_error" else 1.0)
    monkeypatch.setattr(snapshots.Snapshots, "save", lambda self, suffix, epoch, force=False: saved.append((suffix, epoch)))
    assert run("train -c nnp/full.nntxt -o out".split()) == 0
    assert [epoch for suffix, epoch in saved if suffix == "best"] == [1, 2]


def test_train_saves_parameters_in_the_configured_format(folder, monkeypatch):
    from nnabla_compat.config import nnabla_config
    monkeypatch.setitem(nnabla_config["MISC"], "nnp_param_format", ".protobuf")
    assert run("train -c nnp/no_epochs.nntxt -p nnp/full.nnp -o out".split()) == 0
    with zipfile.ZipFile(folder / "out" / "results.nnp") as archive:
        assert "parameter.protobuf" in archive.namelist()


def test_a_trained_network_infers_and_trains_on(folder):
    assert run("train -c nnp/full.nntxt -o out".split()) == 0
    assert run("forward -c out/results.nnp -d dataset/train.csv -o out".split()) == 0
    (folder / "on").mkdir()
    nn.clear_parameters()
    assert run("train -c out/results.nnp -p out/results.nnp -o on".split()) == 0
    assert (folder / "on" / "results_current_3.nnp").exists()


def test_dump(folder, capsys):
    fails("dump nowhere.nnp", capsys, "nowhere.nnp")
    fails("dump in.bin", capsys, "executor", "in.bin")
    fails("dump a.onnx", capsys, "ONNX", "nnabla_converter")
    nn.parameter.get_parameter_or_create("l1/affine/W", (3, 5))
    nn.save_parameters("some.h5")
    fails("dump nnp/full.nntxt some.h5", capsys, "l1/affine/b", "training")


def test_dump_unrolls_loops(folder, capsys):
    assert run("dump -F -V loops/recurrent.nntxt".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("Type: Affine" in line for line in lines) == 4 and not any("Delay[" in line for line in lines)
    made = {"Input", "Delay_Initial"}
    for kind, name in re.findall(r": +(Input|Output)\d: Name: (\S+)", "\n".join(lines)):
        if kind == "Output":
            made.add(name)
        else:
            assert name in made or "affine" in name


def test_dump_of_all_fields(folder, capsys):
    """nnabla's own fails on Python 3.10 and later."""
    assert run("dump -v --dump-limit 1 nnp/full.nnp".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "NNP:network[0]:name: training" in lines and "NNP has 2 network(s)." in lines
    assert not any(line.startswith("NNP:network[1]") for line in lines)


def outputs_of(path, network, parameters=()):
    """What a network computes from fixed inputs, with files of parameters if need be."""
    nn.clear_parameters()
    net = NnpLoader([str(path), *parameters]).get_network(network, batch_size=2)
    for v in net.inputs.values():
        v.d = np.random.RandomState(0).rand(*v.shape)
    nn.forward_all(list(net.outputs.values()))
    return {name: y.d.copy() for name, y in net.outputs.items()}


@pytest.mark.parametrize("output", ["new.nnp", "new.nntxt", "new.prototxt", "new.protobuf"])
def test_converted_files_compute_the_same(folder, output, capsys):
    expected = outputs_of("nnp/full.nnp", "validation")
    assert run(["convert", "nnp/full.nnp", output]) == 0
    for name, values in outputs_of(output, "validation").items():
        np.testing.assert_array_equal(values, expected[name])
    before, after = (next(iter(load([path]).optimizers.values())) for path in ("nnp/full.nnp", output))
    multipliers = [{v.name: m for v, m in o.parameter_learning_rate_multipliers.items()} for o in (before, after)]
    assert multipliers[0] == multipliers[1] and set(multipliers[0].values()) == {0, 1}


def test_convert_unrolls_loops_and_gathers_files(folder):
    expected = outputs_of("loops/recurrent.nntxt", "Rnn", ["loops/recurrent.h5"])
    assert run("convert loops/recurrent.nntxt loops/recurrent.h5 new.nnp".split()) == 0
    with zipfile.ZipFile("new.nnp") as archive:
        assert b"recurrent_param" not in archive.read("network.nntxt")
    for name, values in outputs_of("new.nnp", "Rnn").items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-6)
    assert run("convert nnp/full.nnp values.h5".split()) == 0
    nn.clear_parameters()
    nn.load_parameters("values.h5")
    kept = {k: v.d.copy() for k, v in nn.get_parameters(grad_only=False).items()}
    nn.clear_parameters()
    nn.load_parameters("nnp/full.nnp")
    assert {k: v.d.tolist() for k, v in nn.get_parameters(grad_only=False).items()} == {k: v.tolist() for k, v in kept.items()}


def test_convert_fills_in_initial_values(folder):
    Path("fresh.nntxt").write_text("""network { name: "n" batch_size: 2
        variable { name: "x" type: "Buffer" shape { dim: -1 dim: 3 } } variable { name: "y" type: "Buffer" shape { dim: -1 dim: 4 } }
        variable { name: "W" type: "Parameter" shape { dim: 3 dim: 4 } initializer { type: "NormalAffineGlorot" multiplier: 1 } }
        function { name: "a" type: "Affine" input: "x" input: "W" output: "y" affine_param { base_axis: 1 } } }
        executor { name: "e" network_name: "n" }""")
    expected = outputs_of("fresh.nntxt", "n")
    assert run("convert fresh.nntxt new.nnp".split()) == 0
    assert np.abs(outputs_of("new.nnp", "n")["y"]).max() > 0 and expected["y"].shape == (2, 4)


def test_convert_refuses(folder, capsys):
    fails("convert nnp/full.nnp new.nnb", capsys, "NNB", "export-source")
    fails("convert a.onnx new.nnp", capsys, "ONNX")
    fails("convert -E 0 -S 1-2 nnp/full.nnp new.nnp", capsys, "--split")
    fails("convert nnp/full.nnp new.xyz", capsys, "new.xyz", ".nnp")
    fails("convert nowhere.nnp new.nnp", capsys, "nowhere.nnp")
    fails("nnb_template nnp/full.nnp new.yaml", capsys, "NNB")
    fails("optimize a.pb b.pb", capsys, "graph_converters")
    fails("upload token a.tar", capsys, "create_tar")
    assert not list(folder.glob("new.*"))


def test_objects_stay_where_they_are_in_the_image(folder):
    """A bright rectangle is found where the tables say, however the image was cut or filled up."""
    from PIL import Image
    from nnabla_compat.utils.cli.create_object_detection_dataset import warp
    for (w, h), (left, top, right, bottom) in (((40, 20), (12, 4, 24, 14)), ((20, 40), (6, 14, 16, 22))):
        picture = np.zeros((h, w), np.uint8)
        picture[top:bottom, left:right] = 255
        Path("boxes").mkdir(exist_ok=True)
        Image.fromarray(picture).save("boxes/a.png")
        box = [1, (left + right) / 2 / w, (top + bottom) / 2 / h, (right - left) / w, (bottom - top) / h]
        Path("boxes/a.txt").write_text(" ".join(map(str, box)))
        for mode in ("padding", "trimming", "none"):
            command = f"create_object_detection_dataset -i boxes -o made -n 2 -c 1 -w 40 -g 40 -a 1 -d 4 -m {mode} -s false -f1 t.csv"
            assert run(command.split()) == 0
            rows, columns = np.nonzero(np.array(Image.open("made/data/a.png")) > 127)
            _, x, y, width, height = warp(box, (w, h), (40, 40), mode)
            found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2]) * 40, found, atol=1.1)
            labels = np.loadtxt("made/data/a_label.csv", delimiter=",")
            assert labels.shape == (10, 10) and np.argwhere(labels == 1).tolist() == [[int(y * 10), int(x * 10)]]


def test_objects_that_cannot_be(folder, capsys):
    fails("create_object_detection_dataset -i objects -o new -n 3 -c 3 -w 12 -g 8 -a 9 -d 4 -m none -s false -f1 a.csv", capsys, "9 anchors", "5")
    Path("objects/a.txt").write_text("0 here 1 2 3\n")
    fails("create_object_detection_dataset -i objects -o new -n 3 -c 3 -w 12 -g 8 -a 1 -d 4 -m none -s false -f1 a.csv", capsys, "a.txt", "here")


def test_create_tar_refuses_uneven_rows(folder, capsys):
    Path("uneven.csv").write_text("x,y\n1,2\n3\n")
    fails("create_tar uneven.csv new.tar", capsys, "line 3", "2 cells")
    assert not Path("new.tar").exists()


def test_draw_graph(folder, capsys, monkeypatch):
    drawn = []
    monkeypatch.setattr("nnabla_compat.experimental.viewers.SimpleGraph.save",
                        lambda self, root, path, cleanup: drawn.append((path, root.parent.name, self._format, cleanup)))
    assert run("draw_graph nnp/multi_network.nnp -o pictures -f svg".split()) == 0
    assert [os.path.basename(path) for path, *_ in drawn] == ["train_net", "infer_net"] and Path("pictures").is_dir()
    assert drawn[1][2:] == ("svg", True) and not nn.get_parameters()
    assert run("draw_graph nnp/multi_network.nnp -n infer_net".split()) == 0
    assert drawn[2][0] == os.path.join("draw_out", "infer_net") and drawn[2][2] == "png" and len(drawn) == 3
    fails("draw_graph nnp/multi_network.nnp -n other", capsys, "other", "infer_net")


def test_function_info(folder, capsys):
    fails("function_info nowhere.nnp", capsys, "nowhere.nnp")
    fails("function_info -f NNB", capsys, "-f")
    fails("function_info -o table.yaml nnp/lenet.nnp", capsys, ".yaml")
    assert run("function_info -o types.txt nnp/lenet.nnp".split()) == 0
    assert (folder / "types.txt").read_text().split("\n") == ["Affine", "Convolution", "MaxPooling", "ReLU", "Softmax"]


def test_conv_dataset_keeps_what_is_there_when_it_fails(folder, capsys):
    assert run("conv_dataset dataset/vector.csv v.cache".split()) == 0
    before = scenarios.files_in(folder)
    fails("conv_dataset -F dataset/nowhere.csv v.cache", capsys, "nowhere.csv")
    (folder / "dataset" / "ragged.csv").write_text("x\n./vec/v0.csv\n1\n")
    fails("conv_dataset -F dataset/ragged.csv v.cache", capsys)
    assert run("conv_dataset -F dataset/x.txt v.cache".split()) == 0
    assert scenarios.files_in(folder) - {"dataset/ragged.csv"} == before
    assert not list(folder.glob("*.part")) + list(folder.glob("*.old"))


def test_a_cache_of_a_cache_knows_its_rows(folder):
    for command in ("conv_dataset -S dataset/train.csv a.cache", "conv_dataset -S a.cache b.cache",
                    "forward -c nnp/full.nnp -d b.cache -o out", "forward -c nnp/full.nnp -d dataset/train.csv -o out -f plain.csv"):
        assert run(command.split()) == 0
    shuffled, plain = ([[float(cell) for cell in line.split(",")] for line in (folder / "out" / name).read_text().splitlines()[1:]]
                       for name in ("output_result.csv", "plain.csv"))
    assert shuffled != plain
    np.testing.assert_allclose(sorted(shuffled), sorted(plain), rtol=1e-4, atol=1e-5)


def test_shuffled_images_are_all_there(folder):
    common = "create_image_classification_dataset -i images -c 3 -w 4 -g 4 -m padding -f1 a.csv -f2 b.csv -r2 50"
    assert run(f"{common} -s true -o shuffled".split()) == 0 and run(f"{common} -s false -o plain".split()) == 0
    rows = {name: [(folder / name / part).read_text().splitlines()[1:] for part in ("a.csv", "b.csv")]
            for name in ("shuffled", "plain")}
    assert sorted(sum(rows["shuffled"], [])) == sorted(sum(rows["plain"], []))
    assert list(map(len, rows["shuffled"])) == list(map(len, rows["plain"]))


def test_profile(folder, capsys):
    fails("profile -c nnp/full.nntxt -o nowhere", capsys, "nowhere")
    fails("profile -c nnp/lenet.nnp -o out", capsys, "optimizer")
    assert scenarios.files_in(folder / "out") <= {"progress.txt"}


def test_compare_with_cpu(folder, capsys):
    """There is nothing recorded to compare with: the command fails in nnabla 1.39."""
    assert run("compare_with_cpu -c nnp/full.nnp -c2 nnp/full.nnp -o out".split()) == 0
    rows = [line.rsplit(",", 1) for line in (folder / "out" / "compare_with_cpu.csv").read_text().splitlines()]
    assert rows[0] == ["1-Correl", "optimizer 'opt' with network 'training'"]
    names = [name.strip('"') for name, _ in rows[1:]]
    assert "forward_function (@training/Affine, @training/Affine_out)" in names
    assert "backward_function (@training/Affine, l1/affine/W)" in names and "update (Adam, l2/affine/b)" in names
    assert all(float(value) == 0 for _, value in rows[1:])


def test_compare_with_cpu_sees_a_difference(folder, capsys):
    text = (folder / "nnp" / "full.nntxt").read_text()
    (folder / "other.nntxt").write_text(text.replace('type: "Tanh"', 'type: "Sigmoid"').replace("tanh_param", "sigmoid_param"))
    assert run("compare_with_cpu -c nnp/full.nnp -c2 other.nntxt -o out".split()) == 0
    found = dict(line.rsplit(",", 1) for line in (folder / "out" / "compare_with_cpu.csv").read_text().splitlines()[1:])
    found = {name.strip('"'): float(value) for name, value in found.items()}
    assert found["forward_function (@training/Affine, @training/Affine_out)"] == 0
    assert found["forward_function (@training/Tanh, @training/Tanh_out)"] > 0.1
    assert found["backward_function (@training/Affine_1, l2/affine/W)"] > 0.01
    fails("compare_with_cpu -c nnp/full.nntxt -c2 nnp/lenet.nnp -o out", capsys, "lenet.nnp")
    fails("compare_with_cpu -c nnp/full.nntxt -c2 nnp/full.nntxt -o nowhere", capsys, "nowhere")
