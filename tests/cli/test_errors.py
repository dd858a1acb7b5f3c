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
from nnabla_compat.utils.cli import utility
from nnabla_compat.utils.cli.cli import run

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
