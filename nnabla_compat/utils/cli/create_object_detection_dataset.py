"""``create_object_detection_dataset``: a data set from images and lists of the objects in them."""
import os

import numpy as np

from ...files.save import replacing
from ...logger import logger
from .create_image_classification_dataset import EXTENSIONS, add_table_options, convert_image, write_tables
from .utility import NOTICE, CommandError, progress_bar


def create_object_detection_dataset_command(args):
    """Write images of one size, and for each what a detector is to give for every anchor and cell of a grid.

    Beside an image ``a.png`` lies ``a.txt`` with a line ``class x y width height`` for each object, the latter four
    relative to the image. Objects are moved and scaled as the image is. (In nnabla 1.39 they are not where images change
    their size.)
    """
    size, grid = (int(args.width), int(args.height)), int(args.grid_size)
    for name, length in zip(("width", "height"), size):
        if length % grid:
            logger.log(NOTICE, "%s must be divisible by grid_size.", name)
            return False
    if os.path.abspath(args.sourcedir) == os.path.abspath(args.outdir):
        logger.critical("Input directory and output directory are same.")
        return False
    logger.log(NOTICE, "Creating file list...")
    files = sorted(_images(args.sourcedir))
    if not files:
        logger.critical("No image file found in the subdirectory of the input directory.")
        return False
    objects = {file: read_objects(os.path.join(args.sourcedir, os.path.splitext(file)[0] + ".txt")) for file in files}
    logger.log(NOTICE, "Calculating anchors...")
    anchors = find_anchors([o[3:] for found in objects.values() for o in found], int(args.num_anchor))
    logger.log(NOTICE, "Creating output images...")
    rows, cells = [], (size[0] // grid, size[1] // grid)
    with progress_bar(len(files), "image") as bar:
        for file in files:
            rows += _write(file, objects[file], args, size, cells, anchors)
            bar.update(1)
    if not rows:
        logger.critical("No image and label file created correctly.")
        return False
    write_tables(args, rows, ("x:image", "y:label", "r:region"))
    return True


def _images(folder):
    for place, _, names in os.walk(folder):
        for name in names:
            if os.path.splitext(name)[1].lower() in EXTENSIONS:
                yield os.path.relpath(os.path.join(place, name), folder)


def read_objects(path):
    """Lists ``[class, x, y, width, height]``; none, and a warning, where the file is missing."""
    if not os.path.exists(path):
        logger.warning("Label txt file is not found %s.", path)
        return []
    with open(path) as f:
        objects = [line.split() for line in f if line.strip()]
    try:
        return [[float(word) for word in words] for words in objects if len(words) == 5]
    except ValueError as error:
        raise CommandError(f"{path}: expected lines of 'class x y width height': {error}") from None


def find_anchors(sizes, number):
    """The ``number`` sizes, smallest first, around which those of all objects gather (k-means)."""
    sizes = np.array(sizes, float).reshape(-1, 2)
    if len(sizes) < number:
        raise CommandError(f"expected at least {number} labelled objects for {number} anchors, found {len(sizes)}.")
    nearest = np.random.RandomState(0).randint(number, size=len(sizes))
    for _ in range(1000):
        means = np.array([sizes[nearest == i].mean(axis=0) if (nearest == i).any() else sizes[i] for i in range(number)])
        before, nearest = nearest, ((sizes - means[:, None]) ** 2).sum(axis=2).argmin(axis=0)
        if (before == nearest).all():
            break
    return means[means.prod(axis=1).argsort()]


def _write(file, objects, args, size, cells, anchors):
    """Write the image and its two tables; a list of their row of the data set, empty if the image will not do."""
    target = os.path.join(args.outdir, "data")
    original = []
    written = convert_image(os.path.join(".", file), args.sourcedir, target, *size, args.mode, int(args.channel), original)
    if written is None:
        return []
    labels, regions = grid_of([warp(o, original[0], size, args.mode) for o in objects], cells, anchors)
    written = os.path.normpath(written)
    row, stem = [os.path.join(".", "data", written)], os.path.splitext(written)[0]
    for name, table, form in (("_label", labels, "%i"), ("_region", regions, "%f")):
        with replacing(os.path.join(target, stem + name + ".csv")) as f:
            np.savetxt(f, table.reshape(len(anchors) * cells[1], -1), fmt=form, delimiter=",")
        row.append(os.path.join(".", "data", stem + name + ".csv"))
    return [row]


def warp(o, original, size, mode):
    """An object of an image of the size ``original`` where :func:`fit` has put it, all relative to the image."""
    label, place, extent = o[0], list(o[1:3]), list(o[3:])
    if mode in ("trimming", "padding") and tuple(original) != tuple(size):
        tall = original[1] / original[0] > size[1] / size[0]
        axis = int(tall) if mode == "trimming" else int(not tall)  # the axis that is cut off, or filled up
        other = original[1 - axis]
        scale = original[axis] / (other * size[axis] / size[1 - axis])
        place[axis] = (place[axis] - 0.5) * scale + 0.5
        extent[axis] *= scale
    return [label, *place, *extent]


def grid_of(objects, cells, anchors):
    """Class and region of the object at each anchor, row and column of the grid; the class is -1 where there is none."""
    labels = np.full((len(anchors), cells[1], cells[0]), -1)
    regions = np.zeros((*labels.shape, 4))
    for label, x, y, width, height in objects:
        left, top, right, bottom = np.clip([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 0, 1)
        w, h = right - left, bottom - top
        if w > 0 and h > 0:
            column, row = (min(int((a + b) / 2 * n), n - 1)
                           for a, b, n in ((left, right, cells[0]), (top, bottom, cells[1])))
            middle = np.array([(column + 0.5) / cells[0], (row + 0.5) / cells[1]])
            low, high = np.maximum(middle - anchors / 2, [left, top]), np.minimum(middle + anchors / 2, [right, bottom])
            overlap = np.clip(high - low, 0, None).prod(axis=1)
            anchor = (overlap / (w * h + anchors.prod(axis=1) - overlap)).argmax()
            labels[anchor, row, column] = label
            shift = (np.array([left + right, top + bottom]) / 2 - middle) * cells + 0.5
            regions[anchor, row, column] = [*shift, np.log(w * cells[0]), np.log(h * cells[1])]
    return labels, regions


def add_create_object_detection_dataset_command(subparsers):
    parser = subparsers.add_parser("create_object_detection_dataset",
                                   help="make a data set from images with labelled objects")
    parser.add_argument("-i", "--sourcedir", help="directory of images, with a text file of objects beside each",
                        required=True)
    parser.add_argument("-o", "--outdir", help="directory to write", required=True)
    parser.add_argument("-n", "--num_class", help="accepted", required=True)
    parser.add_argument("-c", "--channel", help="1 for gray images, 3 for colours", required=True)
    parser.add_argument("-w", "--width", help="width of the new images", required=True)
    parser.add_argument("-g", "--height", help="height of the new images", required=True)
    parser.add_argument("-a", "--num_anchor", help="number of anchors", required=True)
    parser.add_argument("-d", "--grid_size", help="pixels of a cell of the grid", required=True)
    add_table_options(parser)
    parser.set_defaults(func=create_object_detection_dataset_command)
