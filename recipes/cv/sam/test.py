"""Runs a tiny SAM 2 on two points; with some weights set, its masks and their scores are what a formula tells."""

import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"
assert os.environ.get("HF_HOME") == "/models", "models would not be kept in the volume"
GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"sam: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import transformers as tf  # noqa: E402 - after the one above has had its say

device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
backbone = tf.Sam2HieraDetConfig(
    hidden_size=8,
    image_size=[64, 64],
    window_positional_embedding_background_size=[2, 2],
    blocks_per_stage=[1, 1, 2, 1],
    embed_dim_per_stage=[8, 16, 24, 32],
    num_attention_heads_per_stage=[1, 1, 1, 1],
    window_size_per_stage=[8, 4, 4, 2],
    global_attention_blocks=[3],
)
config = tf.Sam2Config(
    vision_config=tf.Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[32, 24, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=32,
    ),
    prompt_encoder_config=tf.Sam2PromptEncoderConfig(hidden_size=32, image_size=64),
    mask_decoder_config=tf.Sam2MaskDecoderConfig(
        hidden_size=32, mlp_dim=16, num_attention_heads=2, iou_head_hidden_dim=16
    ),
)
model = tf.Sam2Model(config).eval().to(device)
look = getattr(tf, "Sam2ImageProcessor" if int(tf.__version__.split(".")[0]) >= 5 else "Sam2ImageProcessorFast")
processor = tf.Sam2Processor(look(size={"height": 64, "width": 64}))

picture = Image.fromarray(np.arange(48 * 96 * 3, dtype=np.uint8).reshape(48, 96, 3))
inputs = processor(images=picture, input_points=[[[[48, 24]], [[90, 39]]]], return_tensors="pt").to(device)
# The picture becomes 64 wide and 64 high, and the points with it.
assert torch.allclose(inputs["input_points"].flatten(0, 2).float().cpu(), torch.tensor([[32.0, 32], [60, 52]]))
asked = {name: inputs[name] for name in ("pixel_values", "input_points")}

decoder = model.mask_decoder
scores, signs = torch.tensor([0.5, 0.5, 0.75, 0.25]), torch.tensor([0.0, -1, 2, 1])
with torch.no_grad():
    varied = model(**asked).pred_masks
    # Now each mask is one number everywhere: GELU(1) times the one that is set for it.
    for layer in (decoder.conv_s0, decoder.upscale_conv2):
        layer.weight.zero_()
        layer.bias.zero_()
    decoder.upscale_conv2.bias[0] = 1
    for mlp, sign in zip(decoder.output_hypernetworks_mlps, signs):
        mlp.proj_out.weight.zero_()
        mlp.proj_out.bias.zero_()
        mlp.proj_out.bias[0] = sign
    decoder.iou_prediction_head.proj_out.weight.zero_()
    decoder.iou_prediction_head.proj_out.bias.copy_(torch.logit(scores))
    three = model(**asked)
    best = model(**asked, multimask_output=False)

assert tuple(varied.shape) == (1, 2, 3, 16, 16), varied.shape
assert torch.isfinite(varied).all()
assert varied[0, 0].std() > 0
assert not torch.equal(varied[0, 0], varied[0, 1]), "both points give the same masks"

unit = torch.nn.functional.gelu(torch.tensor(1.0))
expected = (signs[1:] * unit)[None, None, :, None, None].expand(1, 2, 3, 16, 16)
assert torch.allclose(three.pred_masks.cpu(), expected, atol=1e-4), three.pred_masks
assert torch.allclose(three.iou_scores.cpu(), scores[1:].expand(1, 2, 3), atol=1e-4), three.iou_scores
# Asked for one mask, it takes the one with the best score, as its own for that is not clear: zero everywhere.
assert torch.allclose(best.pred_masks.cpu(), expected[:, :, 1:2], atol=1e-4), best.pred_masks
assert torch.allclose(best.iou_scores.cpu(), scores[2].expand(1, 2, 1), atol=1e-4), best.iou_scores

left = torch.full((1, 1, 16, 16), -1.0)
left[..., :8] = 1.0  # the left half is the thing
(mask,) = processor.post_process_masks([left], inputs["original_sizes"])
assert tuple(mask.shape) == (1, 1, 48, 96), mask.shape
columns = mask[0, 0].all(dim=0).nonzero().flatten().tolist()
assert columns == list(range(48)), columns
assert not mask[0, 0][:, 48:].any()
print(f"sam: SAM 2 of transformers {tf.__version__} on {device}")
