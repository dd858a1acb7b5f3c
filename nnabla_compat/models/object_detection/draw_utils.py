"""Boxes with labels on images, by OpenCV where it is installed, else by Pillow."""
import numpy as np

from ...optional import available, require


class DrawBoundingBoxes:
    """A copy of an image to draw on.

    Args:
        img (numpy.ndarray): RGB image of shape (height, width, 3), uint8.
        colors (list of tuple): Color of each class.
    """

    def __init__(self, img, colors):
        self.colors = colors
        self._canvas = (_OpenCv if available("cv2") else _Pillow)(img)

    def draw(self, bbox, det_ind, label):
        """Draw the frame ``bbox`` (left, top, right, bottom) in the color of class ``det_ind``, with a text above."""
        left, top = bbox[:2]
        self._canvas.draw(bbox, (left, top - 15 if top > 30 else top + 15), label, self.colors[det_ind])

    def get(self):
        """The image."""
        return self._canvas.pixels()


class _OpenCv:
    def __init__(self, img):
        self.cv2 = require("cv2")
        self.img = img.copy()

    def draw(self, box, place, text, color):
        self.cv2.rectangle(self.img, box[:2], box[2:], color, 2)
        self.cv2.putText(self.img, text, place, self.cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, 2)

    def pixels(self):
        return self.img


class _Pillow:
    def __init__(self, img):
        self.img = require("PIL.Image", purpose="drawing boxes").fromarray(img)
        self.pen = require("PIL.ImageDraw").Draw(self.img)

    def draw(self, box, place, text, color):
        self.pen.rectangle(box, outline=color)
        self.pen.text(place, text, fill=color)

    def pixels(self):
        return np.array(self.img)
