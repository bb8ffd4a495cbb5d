"""Draws shapes, stores them as PNG and JPEG, and finds them again."""

import cv2
import numpy as np

image = np.zeros((120, 160, 3), np.uint8)
cv2.rectangle(image, (10, 20), (49, 79), (255, 255, 255), -1)
cv2.circle(image, (110, 60), 25, (255, 255, 255), -1)

stored, data = cv2.imencode(".png", image)
assert stored
assert np.array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR), image), "PNG changes the image"
stored, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])
assert stored
grey = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2GRAY)

_, mask = cv2.threshold(grey, 127, 255, cv2.THRESH_BINARY)
contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
boxes = sorted(cv2.boundingRect(contour) for contour in contours)
expected = [(10, 20, 40, 60), (85, 35, 51, 51)]
assert len(boxes) == 2, boxes
assert np.abs(np.array(boxes) - expected).max() <= 1, boxes
print(f"opencv: {cv2.__version__}")
