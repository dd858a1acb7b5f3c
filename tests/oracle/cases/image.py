"""Resampling, warping, regions of interest, detections and patches."""
from ..case import bad, case, integers, normal, permutation, uniform, values

for mode in ("linear", "nearest"):
    for corners, half in ((True, False), (False, False), (False, True)):
        flags = dict(mode=mode, align_corners=corners, half_pixel=half)
        case("interpolate", normal(2, 3, 4, 5), output_size=(7, 3), **flags)
        case("interpolate", normal(2, 3, 4, 5), scale=(2, 2), **flags)
        case("interpolate", normal(2, 3, 5), scale=(1.5,), **flags)
        case("interpolate", normal(2, 4, 5, 3), output_size=(3, 8), channel_last=True, **flags)
        case("interpolate", normal(1, 2, 3, 2, 3), output_size=(4, 4, 2), **flags)
case("interpolate", normal(2, 3, 4, 4), (2, 2))
case("interpolate", normal(2, 3, 4, 4), (0.5, 0.5), None, "nearest")
case("interpolate", normal(2, 3, 4, 4), output_size=(6, 6), mode="nearest", half_pixel=True, half_pixel_for_nn=True)
case("interpolate", normal(2, 3, 4, 4), output_size=(1, 1), mode="linear", align_corners=True)
case("interpolate", normal(4, 5), output_size=(7, 7))
bad("interpolate", normal(2, 3, 4, 4))
bad("interpolate", normal(2, 3, 4, 4), (2, 2), mode="cubic")
case("function_bases.interpolate", normal(2, 3, 4, 4), (6, 5), "linear")

for mode in ("nearest", "linear", "cubic"):
    for transform in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"):
        case("onnx_resize", normal(1, 2, 4, 5), scales=(1.0, 1.0, 1.5, 0.6), mode=mode, coordinate_transformation_mode=transform)
        case("onnx_resize", normal(1, 2, 4, 5), sizes=(1, 2, 7, 3), mode=mode, coordinate_transformation_mode=transform)
    case("onnx_resize", normal(1, 2, 4, 5), roi=(0, 0, 0.2, 0.1, 1, 1, 0.8, 1.2), sizes=(1, 2, 5, 6), mode=mode,
         coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=0.5)
for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
    case("onnx_resize", normal(1, 2, 4, 4), scales=(1.0, 1.0, 2.0, 2.0), nearest_mode=nearest)
case("onnx_resize", normal(1, 2, 4, 5), scales=(1.0, 1.0, 1.5, 0.6), mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)
case("onnx_resize", normal(4, 5), scales=(2.0, 1.0), mode="linear")
bad("onnx_resize", normal(1, 2, 4, 5))

for corners in (False, True):
    case("affine_grid", normal(2, 2, 3), (3, 4), corners)
    case("affine_grid", normal(1, 2, 3), size=(5, 2), align_corners=corners)
    case("affine_grid", normal(2, 3, 4), (2, 3, 2), corners)
    case("affine_grid", normal(2, 2, 3), [2, 4], corners)
    case("affine_grid", normal(2, 2, 3), (0, 3), corners)
bad("affine_grid", normal(2, 2, 4), (3, 4))
bad("affine_grid", normal(2, 2, 3), (3, 4, 5))
for mode in ("linear", "nearest"):
    for padding in ("zero", "repeat", "reflect"):
        for corners in (False, True):
            case("warp_by_grid", normal(2, 3, 4, 5), uniform(2, 3, 4, 2, low=-1.4, high=1.4), mode, padding, corners)
case("warp_by_grid", normal(2, 4, 5, 3), uniform(2, 3, 4, 2), channel_last=True)
case("warp_by_grid", normal(1, 2, 3, 4, 3), uniform(1, 2, 2, 3, 3, low=-1.2, high=1.2))
case("warp_by_grid", normal(2, 3, 4, 5), uniform(2, 3, 4, 2))
case("warp_by_grid", normal(2, 3, 4, 5).without_grad(), uniform(2, 3, 4, 2))
bad("warp_by_grid", normal(2, 3, 4, 5), uniform(1, 3, 4, 2))
bad("warp_by_grid", normal(2, 3, 4, 5), uniform(2, 3, 4, 3))
case("warp_by_flow", normal(2, 3, 4, 5), uniform(2, 2, 4, 5, low=-2.0, high=2.0))
case("warp_by_flow", normal(1, 1, 3, 3), uniform(1, 2, 3, 3, low=-0.9, high=0.9))
case("warp_by_flow", normal(0, 3, 4, 5), uniform(0, 2, 4, 5))
case("warp_by_flow", normal(1, 2, 6, 2), uniform(1, 2, 6, 2, low=-3.0, high=3.0))
case("warp_by_flow", normal(2, 3, 4, 5).without_grad(), uniform(2, 2, 4, 5))
case("warp_by_flow", normal(2, 1, 4, 4), uniform(2, 2, 4, 4).without_grad())
case("warp_by_flow", normal(1, 3, 5, 4), uniform(1, 2, 5, 4, low=-9.0, high=9.0))
case("warp_by_flow", normal(2, 2, 2, 2), uniform(2, 2, 2, 2))
case("warp_by_flow", normal(1, 1, 1, 5), uniform(1, 2, 1, 5))
bad("warp_by_flow", normal(2, 3, 4, 5), uniform(2, 3, 4, 5))

BOXES = [[0.0, 0.5, 0.7, 4.2, 3.6], [1.0, 1.0, 0.0, 3.0, 5.0], [1.0, 0.2, 0.4, 2.2, 2.7]]
for sampling in (None, 1, 2, -1):
    for setting in (dict(output_size=(2, 3)), dict(output_size=(1, 1)), dict(output_size=(3, 2), spatial_scale=(0.5, 0.75))):
        case("roi_align", normal(2, 3, 6, 5), values(BOXES).without_grad(), sampling_ratio=sampling, **setting)
case("roi_align", normal(2, 6, 5, 3), values(BOXES).without_grad(), (2, 2), channel_last=True)
bad("roi_align", normal(2, 3, 6, 5), values([[0.0, 1.0, 2.0, 3.0]]).without_grad(), (2, 2))
bad("roi_align", normal(2, 3, 6, 5), values([[0.0, 0.0, 1.0, 2.0, 3.0]]).without_grad(), (0, 2))

for setting in (dict(), dict(patch=(3, 3)), dict(shift=(1, 2)), dict(patch=(3, 1), shift=(1, 1), padding=(1, 1, 2, 2)),
                dict(patch_step=(2, 1)), dict(shift=(2, 2), shift_step=(2, 1)), dict(padding=(1, 0, 0, 1)),
                dict(patch=(2, 2), shift=(1, 1), patch_step=(2, 2))):
    case("patch_correlation", normal(2, 3, 6, 7), normal(2, 3, 6, 7), **setting)
    case("patch_correlation", normal(2, 6, 7, 2), normal(2, 6, 7, 2), channel_last=True, **setting)
case("function_bases.patch_correlation", normal(2, 6, 7, 2), normal(2, 6, 7, 2), shift=(1, 1))
bad("patch_correlation", normal(2, 3, 6, 7), normal(2, 3, 6, 6))
bad("patch_correlation", normal(1, 4, 4, 2), normal(1, 4, 4, 2), patch=(0, 1))
bad("patch_correlation", normal(1, 4, 4, 2), normal(1, 4, 4, 2), shift=(-1, 0))

DETECTIONS = [[[0.5, 0.5, 0.4, 0.4, 0.9, 0.8, 0.1], [0.52, 0.5, 0.4, 0.42, 0.8, 0.7, 0.6], [0.2, 0.2, 0.2, 0.2, 0.7, 0.1, 0.9],
               [0.21, 0.2, 0.2, 0.22, 0.6, 0.55, 0.65], [0.8, 0.8, 0.1, 0.1, 0.3, 0.2, 0.2]]]
for setting in (dict(), dict(thresh=0.3), dict(nms=0.2), dict(nms=0.9), dict(nms_per_class=False), dict(thresh=0.1, nms=0.5, nms_per_class=False),
                dict(thresh=0.65)):
    case("nms_detection2d", values(DETECTIONS).without_grad(), **setting)
case("nms_detection2d", values(DETECTIONS), 0.3, 0.3, True)
case("nms_detection2d", uniform(2, 8, 8, low=0.1, high=0.9).without_grad(), thresh=0.2)
CORNERS = [[[0.0, 0.0, 1.0, 1.0], [0.0, 0.1, 1.0, 1.1], [0.0, -0.1, 1.0, 0.9], [0.0, 10.0, 1.0, 11.0], [0.0, 10.1, 1.0, 11.1], [0.0, 100.0, 1.0, 101.0]]]
SCORES = [[[0.9, 0.75, 0.6, 0.95, 0.5, 0.3]]]
for setting in (dict(), dict(max_output_boxes_per_class=3), dict(max_output_boxes_per_class=2, iou_threshold=0.5),
                dict(max_output_boxes_per_class=9, iou_threshold=0.5), dict(max_output_boxes_per_class=9, iou_threshold=0.5, score_threshold=0.4),
                dict(center_point_box=1, max_output_boxes_per_class=3, iou_threshold=0.5), dict(max_output_boxes_per_class=9, iou_threshold=0.95),
                dict(max_output_boxes_per_class=9, score_threshold=0.99)):
    case("onnx_non_max_suppression", values(CORNERS).without_grad(), values(SCORES).without_grad(), **setting)
case("onnx_non_max_suppression", values(CORNERS * 2).without_grad(), values([SCORES[0] + [[0.1, 0.9, 0.3, 0.2, 0.8, 0.7]]] * 2).without_grad(), 0, 2, 0.5, 0.0)
bad("onnx_non_max_suppression", normal(1, 3, 4).without_grad(), normal(2, 1, 3).without_grad())
bad("onnx_non_max_suppression", normal(1, 3, 5).without_grad(), normal(1, 1, 3).without_grad())
for threshold in (0.75, 0.6, 0.0):    # a score that is the threshold counts
    case("onnx_non_max_suppression", values(CORNERS).without_grad(), values([[[0.9, 0.75, 0.6, 0.75, 0.6, 0.0]]]).without_grad(), 0, 6, 0.5, threshold)
