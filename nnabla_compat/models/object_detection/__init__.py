"""Detectors of objects in images, and what draws their boxes (:mod:`.utils`)."""
from .yolov2 import YoloV2  # noqa: F401
