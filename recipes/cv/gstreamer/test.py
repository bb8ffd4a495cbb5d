"""Runs pipelines: counts the frames of a test picture, reads their pixels, and encodes and decodes them."""

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import Gst, GstApp  # noqa: E402, F401 - GstApp gives the sink its methods

Gst.init(None)


def frames(middle):
    """Run a test picture through elements, and return its frames as bytes."""
    source = "videotestsrc num-buffers=12 pattern=red ! video/x-raw,format=I420,width=32,height=16,framerate=10/1"
    sink = "videoconvert ! video/x-raw,format=RGB ! appsink name=sink sync=false"
    pipeline = Gst.parse_launch(" ! ".join([source, *middle, sink]))
    pipeline.set_state(Gst.State.PLAYING)
    found = []
    while True:
        sample = pipeline.get_by_name("sink").emit("try-pull-sample", 20 * Gst.SECOND)
        if sample is None:
            break
        buffer = sample.get_buffer()
        found.append(buffer.extract_dup(0, buffer.get_size()))
    message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    assert message is None, message.parse_error()
    pipeline.set_state(Gst.State.NULL)
    return found


for middle in ([], ["jpegenc", "jpegdec"], ["vp8enc deadline=1", "vp8dec"]):
    pictures = frames(middle)
    assert len(pictures) == 12, (middle, len(pictures))
    red, green, blue = pictures[-1][:3]
    assert red > 220 > 40 > max(green, blue), (middle, red, green, blue)
print(f"gstreamer: {Gst.version_string()}")
