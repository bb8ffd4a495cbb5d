"""Suppresses a box that covers another, counts what is in a zone, and computes an overlap that is known."""

import numpy as np
import supervision as sv

boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]], float)
detections = sv.Detections(xyxy=boxes, confidence=np.array([0.9, 0.8, 0.7], float), class_id=np.array([0, 0, 1]))

overlap = sv.box_iou_batch(boxes[:1], boxes[1:2])[0, 0]
assert abs(overlap - 90 / 110) < 1e-6, overlap

kept = detections.with_nms(threshold=0.5)
assert kept.xyxy.tolist() == boxes[[0, 2]].tolist(), kept.xyxy

zone = sv.PolygonZone(polygon=np.array([[40, 40], [80, 40], [80, 80], [40, 80]]))
assert zone.trigger(detections=kept).tolist() == [False, True]

scene = np.zeros((80, 80, 3), np.uint8)
drawn = sv.BoxAnnotator(thickness=1).annotate(scene=scene.copy(), detections=kept)
assert drawn[50, 50].any(), "the corner of a box is not drawn"
assert not drawn[30, 30].any(), "something is drawn where there is no box"
print(f"supervision: {sv.__version__}")
