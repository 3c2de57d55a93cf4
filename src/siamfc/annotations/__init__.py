"""Readers and writers of boxes in the formats of benchmarks and annotation tools."""

from siamfc.annotations.annotation import VideoAnnotation
from siamfc.annotations.formats import (
    ANNOTATION_FORMATS,
    AnnotationFormat,
    annotation_paths,
    check_annotation_target,
    find_annotation_format,
    read_annotation,
    write_annotation,
)

__all__ = [
    "ANNOTATION_FORMATS",
    "AnnotationFormat",
    "VideoAnnotation",
    "annotation_paths",
    "check_annotation_target",
    "find_annotation_format",
    "read_annotation",
    "write_annotation",
]
