"""Batches two test streams by the stream multiplexer on the GPU, and counts frames by the metadata it adds."""

from collections import Counter

import gi
import pyds

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402 - only after its version is required

FRAMES = 10
Gst.init(None)
assert Gst.ElementFactory.find("nvinfer"), "the plugin for inference is not found"

source = f"videotestsrc num-buffers={FRAMES} ! video/x-raw,width=320,height=240 ! nvvideoconvert ! mux.sink_{{}}"
pipeline = Gst.parse_launch(
    "nvstreammux name=mux batch-size=2 width=320 height=240 batched-push-timeout=40000 ! fakesink name=sink "
    + " ".join(source.format(number) for number in range(2))
)
seen = Counter()


def count(pad, info):
    batch = pyds.gst_buffer_get_nvds_batch_meta(hash(info.get_buffer()))
    frame = batch.frame_meta_list
    while frame is not None:
        meta = pyds.NvDsFrameMeta.cast(frame.data)
        assert (meta.source_frame_width, meta.source_frame_height) == (320, 240)
        seen[meta.source_id] += 1
        frame = frame.next
    return Gst.PadProbeReturn.OK


pipeline.get_by_name("sink").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, count)
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
pipeline.set_state(Gst.State.NULL)
assert message is not None, "the pipeline did not end within a minute"
if message.type == Gst.MessageType.ERROR:
    error, details = message.parse_error()
    assert isinstance(error, GLib.Error)
    raise SystemExit(f"{error.message}: {details}")
assert seen == {0: FRAMES, 1: FRAMES}, seen
print(f"deepstream: {sum(seen.values())} frames of {len(seen)} streams")
