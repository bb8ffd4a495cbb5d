"""Draws a shape, stores it in formats with and without loss, and scales and turns it."""

import io

from PIL import Image, ImageDraw, ImageFilter

image = Image.new("RGB", (64, 48), "white")
ImageDraw.Draw(image).rectangle((8, 4, 23, 19), fill=(200, 30, 10))

for kind, bound in (("PNG", 0), ("JPEG", 40), ("WEBP", 40)):
    stored = io.BytesIO()
    image.save(stored, kind)
    again = Image.open(io.BytesIO(stored.getvalue())).convert("RGB")
    assert again.size == (64, 48), again.size
    inside = again.getpixel((15, 11))
    assert max(abs(a - b) for a, b in zip(inside, (200, 30, 10))) <= bound, (kind, inside)

red = image.split()[1].point(lambda value: 255 if value < 128 else 0)
assert red.getbbox() == (8, 4, 24, 20), red.getbbox()
assert red.resize((32, 24), Image.NEAREST).getbbox() == (4, 2, 12, 10)
assert red.transpose(Image.ROTATE_90).size == (48, 64)
assert red.histogram()[255] == 16 * 16
assert red.filter(ImageFilter.BoxBlur(1)).getpixel((8, 11)) == 170  # two of its three columns are lit
print("pillow: images are drawn, stored and changed")
