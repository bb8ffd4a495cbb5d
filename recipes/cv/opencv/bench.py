"""What a camera's pictures go through: decoding, resizing, blurring, and finding corners."""

import cv2
import numpy as np
from edgebake_bench import measure

random = np.random.RandomState(0)
picture = cv2.GaussianBlur(random.randint(0, 256, (1080, 1920, 3)).astype(np.uint8), (0, 0), 3)
stored = cv2.imencode(".jpg", picture)[1]
small = cv2.cvtColor(cv2.resize(picture, (640, 360)), cv2.COLOR_BGR2GRAY)

measure("JPEG decoded, 1920 x 1080", lambda: cv2.imdecode(stored, cv2.IMREAD_COLOR), unit="frames")
measure("resized, 1920 x 1080 to 640 x 360", lambda: cv2.resize(picture, (640, 360)), unit="frames")
measure("Gaussian blur 5 x 5, 1920 x 1080", lambda: cv2.GaussianBlur(picture, (5, 5), 0), unit="frames")
measure("corners, 640 x 360", lambda: cv2.goodFeaturesToTrack(small, 200, 0.01, 5), unit="frames")
