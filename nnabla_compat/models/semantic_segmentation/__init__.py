"""Networks that give every pixel of an image a class, and what prepares and colors images (:mod:`.utils`)."""
from .deeplabv3plus import DeepLabV3plus  # noqa: F401
