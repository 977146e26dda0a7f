"""What is written beside a detection model: how its input is made, how its output is laid out, how good it is.

Layouts, with N pictures, C classes, A or Q or K answers a picture:

* `yolo`: one output [N, 4 + C, A], box first, then a score a class; YOLOv8 to YOLO11 as ultralytics exports them
  (github.com/ultralytics/ultralytics issue 751: 84 = 4 + 80 values of 8400 answers).
* `yolo_objectness`: one output [N, A, 5 + C], box, objectness, then a score a class, which is multiplied by the
  objectness; YOLOv5 and YOLOX (issue 751: [1, 25200, 85]; github.com/ultralytics/yolov5 issue 7144).
* `end_to_end`: one output [N, K, 6] of x1, y1, x2, y2, score, class number, which needs no suppression; YOLOv10 and
  YOLO26 (docs.ultralytics.com/guides/end2end-detection: (N, 300, 6)).
* `detr`: two outputs, logits [N, Q, C + 1] or [N, Q, C] and boxes [N, Q, 4], normalised centre and size; the last
  logit is "no object" (Carion et al. 2020; transformers' DetrObjectDetectionOutput). RT-DETR and Deformable DETR
  have no such logit and a sigmoid.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from models.manifest import Accuracy, ClassId, ModelCard, Record, Share, Unknown

Layout = Literal["yolo", "yolo_objectness", "end_to_end", "detr"]
BoxFormat = Literal["cxcywh", "xyxy"]
Unit = Literal["pixels", "normalised"]
Activation = Literal["none", "sigmoid", "softmax"]
Fit = Literal["tiles", "letterbox", "stretch"]
Triple = tuple[float, float, float]


class DetectorInput(Record):
    """The one input of the net, and how a belt picture becomes pictures for it.

    `fit` `tiles` cuts pictures of this size out of the belt picture, which overlap by `overlap_px` and keep its scale;
    `letterbox` resizes the whole picture, its proportions kept, and pads it evenly around it with `pad_value`, which
    also fills tiles that reach beyond the picture; `stretch` resizes it. A pixel becomes
    (pixel * scale - mean) / std a channel, in the given `color_order`; for `dtype` uint8 these stay 1, 0 and 1.
    `mm_per_px` is the resolution that the net was trained at: `senbetsu check` says where the line has another one.
    """

    name: str = Field(min_length=1)
    width_px: int = Field(ge=32, le=4096)
    height_px: int = Field(ge=32, le=4096)
    layout: Literal["NCHW", "NHWC"]
    dtype: Literal["uint8", "float32"]
    color_order: Literal["RGB", "BGR"]
    scale: float = Field(default=1.0, gt=0)
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    fit: Fit
    overlap_px: int = Field(default=0, ge=0)
    pad_value: int = Field(default=114, ge=0, le=255)
    mm_per_px: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.dtype == "uint8" and (self.scale, self.mean, self.std) != (1.0, (0.0,) * 3, (1.0,) * 3):
            raise ValueError("a uint8 input takes pixels as they are: no scale, mean or std")
        if min(self.std) <= 0:
            raise ValueError("std must be above 0")
        if self.fit == "tiles" and not 0 < self.overlap_px < min(self.width_px, self.height_px):
            raise ValueError("tiles need an overlap_px above 0 and below their size")
        if self.fit != "tiles" and self.overlap_px:
            raise ValueError(f"overlap_px is for tiles, not for {self.fit}")
        return self


class DetectorOutput(Record):
    """What the net answers. `names` are its outputs: one, or for `detr` the logits and the boxes.

    Boxes are in pixels of the input or shares of its width and height. `activation` is what is still to be applied to
    the scores; `background`, for `detr`, that the last logit is "no object".
    """

    names: tuple[str, ...] = Field(min_length=1, max_length=2)
    layout: Layout
    box: BoxFormat
    unit: Unit
    activation: Activation
    background: bool = False

    @model_validator(mode="after")
    def _fits_the_layout(self) -> Self:
        wanted = 2 if self.layout == "detr" else 1
        if len(self.names) != wanted or len(set(self.names)) != wanted:
            raise ValueError(f"the layout {self.layout} has {wanted} outputs of different names")
        if self.background and self.layout != "detr":
            raise ValueError("background is for the layout detr")
        if self.layout == "detr" and self.activation == "none":
            raise ValueError("the layout detr has logits: activation must be softmax or sigmoid")
        if self.layout == "detr" and (self.activation == "softmax") != self.background:
            raise ValueError("detr: softmax goes with background true, sigmoid with background false")
        if self.layout != "detr" and self.activation == "softmax":
            raise ValueError("softmax is for the layout detr; other layouts have none or sigmoid")
        if self.layout == "end_to_end" and (self.box != "xyxy" or self.activation != "none"):
            raise ValueError("the layout end_to_end has xyxy boxes and final scores: box xyxy, activation none")
        return self


class Rule(Record):
    """From answers to parts.

    Answers whose best score (0..1) lies below `report_above` are nothing; those below `known_above` are something of
    an unknown class. Boxes that overlap a better one by more than `nms_iou` are the same part, whatever their classes;
    null leaves that to the net. Probabilities are softmax(logit(score) / temperature) over the classes, and `unknown`
    is asked about them as of a classifier; method softmax only. `box_error_px` is how far an edge of a box may be off:
    what ends as near to the picture's edge as that may go on beyond it. `fill` is the share of its box that a part of
    a class covers, 1 where it is not given; its area is taken from it.
    """

    report_above: Share
    known_above: Share
    nms_iou: float | None = Field(gt=0, lt=1)
    max_parts: int = Field(default=300, ge=1, le=10_000)
    temperature: float = Field(default=1.0, gt=0)
    unknown: Unknown | None = None
    box_error_px: float = Field(default=4.0, ge=0, le=64)
    fill: dict[ClassId, float] = Field(default={})

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.known_above < self.report_above:
            raise ValueError("known_above lies below report_above")
        if self.unknown and self.unknown.method != "softmax":
            raise ValueError("a detector's unknown has the method softmax")
        if not all(0 < share <= 1 for share in self.fill.values()):
            raise ValueError("fill must lie above 0 and at most at 1")
        return self


class DetectorMetrics(Record):
    """Measured on scenes that training never saw.

    `found`: parts with a box of theirs (intersection over union at least 0.5) of all parts; `right`: those that have
    their class and are not unknown, of those found; `extra_per_scene`: boxes without a part.
    """

    found: Accuracy
    right: Accuracy | None
    extra_per_scene: float = Field(ge=0)
    ece: Share = Field(description="expected calibration error of the found parts' classes, 15 bins")
    per_class: dict[ClassId, Accuracy] = Field(description="found and right, of all parts of the class")
    warning: str = Field(description="what these figures do not say")


class DetectorManifest(ModelCard):
    """Everything that the line needs to know of a detector; it takes the place of segmentation and classifier."""

    kind: Literal["detector"]
    input: DetectorInput
    output: DetectorOutput
    rule: Rule
    metrics: DetectorMetrics | None = None

    @model_validator(mode="after")
    def _classes_are_labels(self) -> Self:
        named = set(self.rule.fill) | set(self.metrics.per_class if self.metrics else ())
        if not named <= set(self.labels):
            raise ValueError(
                f"rule.fill or metrics.per_class name classes that are no labels: {sorted(named - set(self.labels))}"
            )
        return self
