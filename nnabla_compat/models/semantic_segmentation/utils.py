"""Images into a segmentation network, and its labels out as a colored image."""
import numpy as np

from ...utils.image_utils import imresize, imsave
from . import image_preprocess

# Colors (RGB) of the classes of Pascal VOC, as nnabla has them: background, 20 classes, border, no class.
_COLORS = [
    [0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [120, 0, 128], [0, 128, 128], [128, 128, 128],
    [64, 0, 0], [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128], [64, 128, 128], [192, 128, 128],
    [0, 64, 0], [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128], [224, 224, 192], [0, 0, 0],
]


def get_color():
    """Colors of the classes of Pascal VOC: array of shape (23, 3)."""
    return np.array(_COLORS)


def pre_process_image(image, target_h, target_w):
    """An image (height, width, 3), values from 0 to 255, as a batch (1, 3, ``target_h``, ``target_w``)."""
    image = image_preprocess.preprocess_image_and_label(image, target_w, target_h)
    return image.transpose(2, 0, 1)[None]


def post_process_image(output, image, target_size):
    """Labels for ``image`` from those of the network.

    Args:
        output (numpy.ndarray): Labels of the padded image, of shape ``target_size``.
        image (numpy.ndarray): The original image.
        target_size (tuple of int): Height and width of the network's image.

    Returns:
        numpy.ndarray: labels of the shape of ``image``, without channels.
    """
    height, width = image_preprocess.fitted(image.shape[:2], target_size)
    return imresize(output[:height, :width], image.shape[1::-1], interpolate="nearest")


def save_image(image_path, label, color_map=None):
    """Write labels (height, width) as a picture.

    Args:
        image_path (str): File to write.
        label (numpy.ndarray): Labels.
        color_map (numpy.ndarray): Color of each label, of shape (labels, 3); :func:`get_color` by default. The
            brightest value drawn becomes white's.
    """
    colors = np.asarray(get_color() if color_map is None else color_map)
    picture = colors[label.astype(int)]
    imsave(image_path, picture / (picture.max() or 1))


class ProcessImage:
    """One image on its way through a network.

    Args:
        image (numpy.ndarray): Image of shape (height, width, 3), values from 0 to 255.
        target_h (int): Height of the network's image.
        target_w (int): Width of the network's image.
    """

    def __init__(self, image, target_h, target_w):
        self.image = image
        self.target_size = (target_h, target_w)
        self.target_h, self.target_w = target_h, target_w

    def pre_process(self):
        """The batch for the network, see :func:`pre_process_image`."""
        return pre_process_image(self.image, self.target_h, self.target_w)

    def post_process(self, output):
        """Labels for the image from those of the network, see :func:`post_process_image`; they are kept."""
        self.post_proc = post_process_image(output, self.image, self.target_size)
        return self.post_proc

    def save_segmentation_image(self, path, color_map=None):
        """Write the labels that were kept, see :func:`save_image`."""
        save_image(path, self.post_proc, color_map)
