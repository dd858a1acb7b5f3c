"""Images into the frame a detector wants, and its boxes back onto the image."""
import numpy as np

from ...utils.image_utils import imresize
from .draw_utils import DrawBoundingBoxes

_GRAY = 127  # of what the image leaves free


def letterbox(img_orig, h, w):
    """Scale an image to fit a frame, keeping its proportions, in the middle of gray.

    Args:
        img_orig (numpy.ndarray): Image of shape (height, width, 3), uint8 (else AssertionError).
        h (int): Height of the frame.
        w (int): Width of the frame.

    Returns:
        tuple: the frame (``h``, ``w``, 3), and the width and the height the image has in it.
    """
    if img_orig.dtype != np.uint8:
        raise AssertionError(f"letterbox: expected a uint8 image, received {img_orig.dtype}.")
    height, width, _ = img_orig.shape
    if w * 1.0 / width < h * 1.0 / height:
        new_w, new_h = w, height * w // width
    else:
        new_w, new_h = width * h // height, h
    left, top = (w - new_w) // 2, (h - new_h) // 2
    frame = np.full((h, w, 3), _GRAY, np.uint8)
    frame[top:top + new_h, left:left + new_w] = imresize(img_orig, (new_w, new_h))
    return frame, new_w, new_h


class LetterBoxTransform:
    """An image in a frame (:func:`letterbox`), and the way back.

    Args:
        image (numpy.ndarray): Image of shape (height, width, 3), uint8.
        height (int): Height of the frame.
        width (int): Width of the frame.

    Attributes:
        image: The frame with the image.
        new_w, new_h: Size of the image in it.
    """

    def __init__(self, image, height, width):
        self.height, self.width = height, width
        self.im_h, self.im_w = image.shape[:2]
        self.image, self.new_w, self.new_h = letterbox(image, height, width)

    def inverse_coordinate_transform(self, coords):
        """Boxes of shape (boxes, 4 or more), as parts of the frame, in pixels of the original image."""
        return apply_inverse_letterbox_coordinate_transform(
            coords, self.im_w, self.im_h, self.new_w / self.width, self.new_h / self.height)


def apply_inverse_letterbox_coordinate_transform(bboxes, im_w, im_h, letterbox_w, letterbox_h):
    """Boxes in a frame as boxes on the image.

    Args:
        bboxes (numpy.ndarray): Boxes of shape (boxes, 4 or more) that start with the center's x and y, width and
            height, as parts of the frame.
        im_w (int): Width of the image.
        im_h (int): Height of the image.
        letterbox_w (float): Part of the frame's width that the image takes.
        letterbox_h (float): Part of the frame's height that the image takes.

    Returns:
        numpy.ndarray: copy of ``bboxes`` with the first four in pixels of the image.
    """
    boxes = bboxes.copy()
    for axis, size, part in ((0, im_w, letterbox_w), (1, im_h, letterbox_h)):
        boxes[:, axis] = (bboxes[:, axis] - (1 - part) / 2.) / part * size
        boxes[:, axis + 2] = bboxes[:, axis + 2] * size / part
    return boxes


def draw_bounding_boxes(img, bboxes, names, colors=None, thresh=0.5):
    """Draw and print what was found.

    Args:
        img (numpy.ndarray): RGB image of shape (height, width, 3), uint8.
        bboxes (numpy.ndarray): Boxes of shape (boxes, 5 + classes): center's x and y, width, height in pixels,
            objectness, scores.
        names (list of str): Names of the classes.
        colors (list of tuple): Color of each class; drawn with a fixed seed by default.
        thresh (float): Classes with a score above it are drawn.

    Returns:
        numpy.ndarray: the image with boxes.
    """
    if colors is None:
        colors = [tuple(c) for c in np.random.RandomState(1223).randint(0, 256, (len(names), 3)).tolist()]
    height, width = img.shape[:2]
    canvas = DrawBoundingBoxes(img, colors)
    for box in bboxes:
        found = np.where(box[5:] > thresh)[0]
        if len(found) == 0:
            continue
        (x, y), half = box[:2], box[2:4] / 2.
        corners = np.clip([x - half[0], y - half[1], x + half[0], y + half[1]], 0, [width, height] * 2).astype(int)
        label = ", ".join(f"{names[i]}: {box[5 + i] * 100:.2f}%" for i in found)
        print(f"[INFO] {label}")
        canvas.draw(tuple(corners.tolist()), found[0], label)
    return canvas.get()
