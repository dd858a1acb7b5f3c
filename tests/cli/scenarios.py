"""Runs of ``nnabla_cli``, the same for the original and for this package.

A scenario is a list of command lines, run one after the other in a directory that :func:`sandbox` fills. Recorded are
their exit statuses, what they print, and the files that were not there before.
"""
import shutil
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
INPUTS, RECORDED = HERE / "inputs", HERE / "recorded"
NETWORKS = HERE.parent / "files" / "fixtures" / "nnp"
SHARED_NETWORKS = ("full.nnp", "full.nntxt", "multi_network.nnp", "lenet.nnp")

SCENARIOS = {
    "decode_param": ["decode_param -p convbn.h5 -o decoded"],
    "encode_param": ["decode_param -p convbn.h5 -o decoded", "encode_param -i decoded -p encoded.h5"],
    "infer": ["infer -c nnp/full.nnp -b -1 -o infer in.bin", "infer -c nnp/full.nnp -o infer1 in1.bin",
              "infer -c nnp/full.nnp in1.bin", "infer -c nnp/full.nnp -t float64 in1.bin",
              "infer -c nnp/full.nnp -o fails in.bin", "infer -c nowhere.nnp -o fails in.bin"],
    "infer_shapes": ["infer -c nnp/shapes.nnp -b -1 -o infer -t uint8 x.bin"],
    "forward": ["forward -c nnp/full.nnp -d dataset/train.csv -o out"],
    "forward_named": ["forward -c nnp/full.nntxt -p nnp/full.nnp -d dataset/train.csv -o out -f result.csv"],
    "forward_shapes": ["forward -c nnp/shapes.nnp -d dataset/files.csv -o out --result_outdir files --replace_path"],
    "forward_std": ["forward -c nnp/std.nnp -d dataset/train.csv -o out"],
    "train": ["train -c nnp/full.nntxt -p nnp/full.nnp -o out"],
    "train_from_archive": ["train -c nnp/many_epochs.nnp -o out"],
    "train_states": ["train -c nnp/five_epochs.nntxt -o out"],
    "train_resumed": ["train -c nnp/five_epochs.nntxt -p nnp/full.nnp -o out", "train -c nnp/many_epochs.nntxt -r -o out",
                      "train -c nnp/many_epochs.nntxt -r -o out"],
    "train_nothing": ["train -c nnp/no_epochs.nntxt -p nnp/full.nnp -o out"],
    "train_refused": ["train -c nnp/no_uri.nntxt -o out", "train -c nnp/full.nntxt -o out -m many"],
    "dump": ["dump nnp/multi_network.nnp", "dump -F nnp/multi_network.nnp", "dump -F -V nnp/full.nnp",
             "dump -V nnp/lenet.nnp", "dump -n x nnp/multi_network.nnp", "dump -E 1 -F nnp/multi_network.nnp",
             "dump -E 7 nnp/multi_network.nnp", "dump --nnp-no-expand-network nnp/full.nntxt",
             "dump nnp/full.nnp nnp/lenet.nnp", "dump -I XX nnp/full.nnp nnp/lenet.nnp", "dump nowhere.nnp", "dump x.bin",
             "dump -F loops/recurrent.nntxt --nnp-no-expand-network"],
    "function_info": ["function_info nnp/lenet.nnp", "function_info -x ReLU nnp/lenet.nnp", "function_info",
                      "function_info nnp/lenet.nnp nnp/multi_network.nnp", "function_info -f XX",
                      "function_info -c functions.txt nnp/lenet.nnp", "function_info -c nowhere.txt nnp/lenet.nnp"],
    "conv_dataset": ["conv_dataset dataset/vector.csv v.cache", "conv_dataset dataset/vector.csv v.cache",
                     "conv_dataset -F -S -t 2 dataset/vector.csv v.cache", "conv_dataset -t 0 dataset/vector.csv z.cache",
                     "conv_dataset -F dataset/vector.csv in.bin", "conv_dataset dataset/vector.csv deep/v.cache",
                     "conv_dataset dataset/x.txt t.cache"],
    "conv_dataset_files": ["conv_dataset dataset/files.csv raw.cache", "conv_dataset -N dataset/files.csv scaled.cache"],
    "conv_dataset_again": ["conv_dataset dataset/files.csv raw.cache", "conv_dataset -N -S raw.cache again.cache"],
    "forward_cache": ["conv_dataset -S dataset/train.csv train.cache", "forward -c nnp/full.nnp -d train.cache -o out"],
    "plot": ["plot_series -o series.png a.series.txt", "plot_series -l a -l b -t T -x X -y Y -T 2 -B 0 -L 0 -R 9 -o bare "
             "a.series.txt a.series.txt", "plot_timer -e -u m -o timer.pdf b.timer.txt", "plot_series -o c.png nowhere.txt",
             "plot_timer -u y -o d.png b.timer.txt", "plot_series -o e.xyz a.series.txt", "plot_series -T top a.series.txt",
             "plot_series -o f.png"],
    "images": ["create_image_classification_dataset -i images -o new -c 3 -w 8 -g 6 -m trimming -s false -f1 a.csv -f2 b.csv "
               "-r2 40", "create_image_classification_dataset -i images -o padded -c 1 -w 10 -g 4 -m padding -s false -f1 all.csv",
               "create_image_classification_dataset -i images -o tall -c 1 -w 3 -g 9 -m padding -s false -f1 all.csv",
               "create_image_classification_dataset -i images -o cut -c 1 -w 3 -g 9 -m trimming -s false -f1 all.csv",
               "create_image_classification_dataset -i images -o plain -c 3 -w 7 -g 5 -m none -s false -f1 all.csv -r2 100",
               "create_image_classification_dataset -i images -o images -c 3 -w 8 -g 6 -m trimming -s false -f1 a.csv",
               "create_image_classification_dataset -i nowhere -o no -c 3 -w 8 -g 6 -m trimming -s false -f1 a.csv",
               "create_image_classification_dataset -i dataset/vec -o no -c 3 -w 8 -g 6 -m trimming -s false -f1 a.csv",
               "create_image_classification_dataset -i decoded -o no -c 3 -w 8 -g 6 -m trimming -s false -f1 a.csv",
               "create_image_classification_dataset -i images -o no -c 3 -w wide -g 6 -m trimming -s false -f1 a.csv"],
    "objects": ["create_object_detection_dataset -i objects -o new -n 3 -c 3 -w 12 -g 8 -a 2 -d 4 -m padding -s false -f1 a.csv "
                "-f2 b.csv -r2 50", "create_object_detection_dataset -i objects -o no -n 3 -c 3 -w 10 -g 8 -a 2 -d 4 -m padding -s "
                "false -f1 a.csv", "create_object_detection_dataset -i objects -o objects -n 3 -c 3 -w 12 -g 8 -a 2 -d 4 -m padding "
                "-s false -f1 a.csv"],
    "create_tar": ["create_tar dataset/files.csv packed.tar"],
    "convert": ["convert nnp/lenet.nnp protobuf.nnp", "convert --nnp-parameter-h5 nnp/lenet.nnp h5.nnp",
                "convert --nnp-parameter-nntxt nnp/lenet.nnp text.nnp", "convert --nnp-exclude-parameter nnp/lenet.nnp none.nnp",
                "convert -b 3 nnp/multi_network.nnp three.nnp", "convert -E 1 nnp/multi_network.nnp second.nnp",
                "convert nnp/full.nnp", "convert -O XX nnp/full.nnp x.xyz"],
    "profile": ["profile -c nnp/full.nntxt -o out", "profile -c nnp/full.nntxt -o nowhere"],
}
# Commands that list things in an order without meaning.
UNORDERED = {"function_info"}
# Files that only one of the two makes, or that hold times. The original writes images of the samples that fill the last
# batch up, which no row of the result refers to.
IGNORED_FILES = {
    # Texts of Python tuples in the original's order.csv, and no original.csv: `forward` could not use such a cache.
    "conv_dataset_again": ["again.cache/order.csv", "again.cache/original.csv"],
    "forward_shapes": [f"out/files/{name.format(i)}" for i in (6, 7) for name in (
        "0_0000/{}.png", "1_0000/{}.png", "2_0000/0_{}.png", "2_0000/1_{}.png", "3_0000/{}.csv")],
}


def sandbox(folder):
    """Fill an empty directory with what the commands read; returns it."""
    folder = Path(folder)
    shutil.copytree(INPUTS, folder, dirs_exist_ok=True)
    (folder / "nnp").mkdir(exist_ok=True)
    for name in SHARED_NETWORKS:
        shutil.copy(NETWORKS / name, folder / "nnp" / name)
    text = (NETWORKS / "full.nntxt").read_text()
    (folder / "nnp" / "five_epochs.nntxt").write_text(text.replace("max_epoch: 3", "max_epoch: 5"))
    (folder / "nnp" / "many_epochs.nntxt").write_text(text.replace("max_epoch: 3", "max_epoch: 12"))
    (folder / "nnp" / "no_epochs.nntxt").write_text(text.replace("max_epoch: 3", "max_epoch: 0"))
    (folder / "nnp" / "no_uri.nntxt").write_text(text.replace('uri: "dataset/train.csv"', 'uri: " "'))
    with zipfile.ZipFile(folder / "nnp" / "many_epochs.nnp", "w") as archive:
        archive.write(folder / "nnp" / "many_epochs.nntxt", "description.nntxt")
    (folder / "loops").mkdir()
    for path in (NETWORKS.parent / "loops").glob("recurrent.*"):
        shutil.copy(path, folder / "loops")
    (folder / "a.series.txt").write_text("0 1.5\n1 1\n2 0.25\n")
    (folder / "b.timer.txt").write_text("9 0.5 10 0.5\n19 0.25 10 0.75\n")
    (folder / "functions.txt").write_text("; allowed\nReLU, FLOAT32\nAffine\nTanh\n")
    (folder / "out").mkdir()
    return folder


# Files of which only the texts are compared, and those whose bytes are not compared.
TIMES = {"out/profile.csv"}
PICTURES = {"series.png", "bare.png", "timer.pdf"}


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}
