"""Networks trained by others, by task: :mod:`~nnabla_compat.models.imagenet` (classification),
:mod:`~nnabla_compat.models.object_detection`, :mod:`~nnabla_compat.models.semantic_segmentation`.

Their files are fetched once and kept (:mod:`nnabla_compat.models.utils`).
"""
