"""Decodes, scales and stores a photograph-like picture."""

import io

from edgebake_bench import measure
from PIL import Image, ImageFilter

picture = Image.effect_noise((1280, 720), 60).convert("RGB").filter(ImageFilter.GaussianBlur(2))
stored = io.BytesIO()
picture.save(stored, "JPEG", quality=90)
data = stored.getvalue()


def decode():
    with Image.open(io.BytesIO(data)) as image:
        image.load()


measure("JPEG decoded, 1280 x 720", decode, unit="frames")
measure("resized, 1280 x 720 to 320 x 180", lambda: picture.resize((320, 180), Image.BILINEAR), unit="frames")
measure("JPEG stored, 1280 x 720", lambda: picture.save(io.BytesIO(), "JPEG", quality=90), unit="frames")
