"""Runs a tiny LLaVA: the picture reaches the answer, weights of zero make each word as likely; and a tokenizer."""

import io
import math
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"llava: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import numpy as np  # noqa: E402 - after the one above has had its say
import sentencepiece  # noqa: E402
import transformers  # noqa: E402
from PIL import Image  # noqa: E402

device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
eye = transformers.CLIPVisionConfig(
    hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=16
)
tongue = transformers.LlamaConfig(
    vocab_size=11, hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2
)
config = transformers.LlavaConfig(
    vision_config=eye,
    text_config=tongue,
    image_token_index=10,
    vision_feature_layer=-1,
    vision_feature_select_strategy="default",
)
torch.manual_seed(0)
model = transformers.LlavaForConditionalGeneration(config).eval().to(device)

look = transformers.CLIPImageProcessor(size={"height": 32, "width": 32}, crop_size={"height": 32, "width": 32})
dark = Image.fromarray(np.zeros((40, 40, 3), np.uint8))
light = Image.fromarray(np.full((40, 40, 3), 255, np.uint8))
pictures = [look(image, return_tensors="pt")["pixel_values"].to(device) for image in (dark, light)]
assert pictures[0].shape == (1, 3, 32, 32)

words = torch.tensor([[1, 10, 10, 10, 10, 3, 4]], device=device)  # the image is four patches of 16 by 16
with torch.no_grad():
    answers = [model(input_ids=words, pixel_values=picture).logits[0, -1] for picture in pictures]
    assert not torch.allclose(answers[0], answers[1], atol=1e-6), "the picture does not reach the answer"
    for parameter in model.parameters():
        parameter.zero_()
    even = model(input_ids=words, pixel_values=pictures[1]).logits[0, -1].softmax(-1)
assert torch.allclose(even.log(), torch.full_like(even, -math.log(11)), atol=1e-5), even

# The models' tokenizers are sentencepiece's, and their files go to the volume.
written = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(["a picture of a cat", "a picture of a dog"]),
    model_writer=written,
    model_type="char",
    vocab_size=16,  # three marks of its own, and the thirteen characters of these lines
    minloglevel=2,
)
tokenizer = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
assert tokenizer.decode(tokenizer.encode("a dog")) == "a dog"
assert os.environ["HF_HOME"] == "/models", os.environ["HF_HOME"]
print(f"llava: transformers {transformers.__version__} on {device}")
