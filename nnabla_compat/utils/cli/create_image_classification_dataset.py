"""``create_image_classification_dataset``: a data set from a directory of images for each class."""
import csv
import io
import os
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...files.save import replacing
from ...logger import logger
from ..image_utils import imread, imresize, imsave
from .utility import NOTICE, progress_bar

EXTENSIONS = (".bmp", ".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff")


def create_image_classification_dataset_command(args):
    """Write ``args.sourcedir``'s images, all of one size, to ``args.outdir``, and tables of them with their classes."""
    width, height, channels = int(args.width), int(args.height), int(args.channel)
    if os.path.abspath(args.sourcedir) == os.path.abspath(args.outdir):
        logger.critical("Input directory and output directory are same.")
        return False
    logger.log(NOTICE, "Creating file list...")
    classes = sorted(d for d in os.listdir(args.sourcedir) if os.path.isdir(os.path.join(args.sourcedir, d)))
    if not classes:
        logger.critical("Subdirectory not found in the input directory.")
        return False
    images = list(find_images(args.sourcedir, classes))
    if not images:
        logger.critical("No image file found in the subdirectory of the input directory.")
        return False

    logger.log(NOTICE, "Creating output images...")

    def convert(image):
        return convert_image(image[0], args.sourcedir, args.outdir, width, height, args.mode, channels)

    rows = []
    with ThreadPoolExecutor(os.cpu_count()) as pool, progress_bar(len(images), "image") as bar:
        for (_, label), written in zip(images, pool.map(convert, images)):
            if written:
                rows.append([written, label])
            bar.update(1)

    write_tables(args, rows, ("x:image", "y:label"))
    return True


def find_images(sourcedir, classes):
    """``(path below sourcedir, number of the class)`` of all images. Directories without images are no classes."""
    label = 0
    for name in classes:
        folder = os.path.join(sourcedir, name)
        files = [f for f in sorted(os.listdir(folder))
                 if os.path.isfile(os.path.join(folder, f)) and os.path.splitext(f)[1].lower() in EXTENSIONS]
        for file in files:
            yield os.path.join(".", name, file), label
        label += bool(files)


def convert_image(name, source_dir, dest_dir, width, height, mode, channels, sizes=None):
    """Write one image in its new size; returns its new path below ``dest_dir``, None if it cannot be read.

    The size it had, ``(width, height)``, is appended to the list ``sizes``.
    """
    source, new_name = os.path.join(source_dir, name), os.path.splitext(name)[0] + ".png"
    target = os.path.join(dest_dir, new_name)
    try:
        image = imread(source)
        if image.ndim == 3 and image.shape[2] != 3:
            raise ValueError("The image must be RGB or monochrome.")
        if sizes is not None:
            sizes.append(image.shape[1::-1])
        image = fit(image, width, height, mode)
        if image.ndim == 2 and channels == 3:
            image = np.stack([image] * 3, axis=-1)
        elif image.ndim == 3 and channels == 1:
            image = np.dot(image, [0.299, 0.587, 0.114]).astype(np.uint8)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        imsave(target, image)
    except ImportError:
        raise
    except Exception as error:  # one bad file among many; decoders raise what they like
        logger.warning("Failed to convert %s. (%s)", source, error)
        return None
    return new_name


def fit(image, width, height, mode):
    """Bring an image to a size, cutting off (``"trimming"``) or filling up (``"padding"``) what the proportions differ by."""
    h, w = image.shape[:2]
    if (h, w) == (height, width):
        return image
    tall, wide = h / w > height / width, h / w < height / width
    if mode == "trimming":
        if tall:
            cut = (h - int(w / width * height)) // 2
            image = image[cut:h - cut]
        else:
            cut = (w - int(h / height * width)) // 2
            image = image[:, cut:w - cut]
    elif mode == "padding":
        missing = int(height / width * w) - h if wide else int(width / height * h) - w
        pads = [(0, 0)] * image.ndim
        pads[0 if wide else 1] = (missing // 2, missing - missing // 2)
        image = np.pad(image, pads, "constant")
    return imresize(image, size=(width, height))


def write_tables(args, rows, header):
    """Write the tables of a data set as the options say: in which order, what share in the second."""
    logger.log(NOTICE, "Creating CSV files...")
    if args.shuffle == "true":
        random.shuffle(rows)
    first = len(rows) * (100 - int(args.ratio2 or 0)) // 100
    for name, part in ((args.file1, rows[:first]), (args.file2, rows[first:])):
        if name and part:
            write_table(os.path.join(args.outdir, name), part, header)
    logger.log(NOTICE, "Dataset was successfully created.")


def write_table(path, rows, header):
    """Write the CSV file of a data set."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    with replacing(path) as f:
        f.write(text.getvalue().encode())


def add_create_image_classification_dataset_command(subparsers):
    parser = subparsers.add_parser("create_image_classification_dataset",
                                   help="make a data set from a directory of images for each class")
    parser.add_argument("-i", "--sourcedir", help="directory that holds one for each class", required=True)
    parser.add_argument("-o", "--outdir", help="directory to write", required=True)
    parser.add_argument("-c", "--channel", help="1 for gray images, 3 for colours", required=True)
    parser.add_argument("-w", "--width", help="width of the new images", required=True)
    parser.add_argument("-g", "--height", help="height of the new images", required=True)
    add_table_options(parser)
    parser.set_defaults(func=create_image_classification_dataset_command)


def add_table_options(parser):
    """Options of how images are fitted to a size and of the tables."""
    parser.add_argument("-m", "--mode", help="trimming or padding, where proportions differ", required=True)
    parser.add_argument("-s", "--shuffle", help="true to draw an order, else false", required=True)
    parser.add_argument("-f1", "--file1", help="name of the first table", required=True)
    parser.add_argument("-r1", "--ratio1", help="accepted; the second ratio decides")
    parser.add_argument("-f2", "--file2", help="name of the second table")
    parser.add_argument("-r2", "--ratio2", help="share of the second table in percent")
