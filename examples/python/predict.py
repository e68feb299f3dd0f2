"""Run a network that Instar grew, and print the most probable classes of image files.

    pip install onnxruntime numpy pillow
    python predict.py best.onnx photo.jpg ...

The network takes raw pixels, uint8 (N, height, width, channels), and gives logits and probabilities, float (N, classes).
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def pixels_of(path, height, width, channels):
    """Bring an image to the network's size as Instar does: Exif orientation, on white, cropped to the centre; grey by Rec. 601."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    cover = max(width / image.width, height / image.height)
    wide, high = int(cover * image.width + 0.5), int(cover * image.height + 0.5)
    left, top = (wide - width + 1) // 2, (high - height + 1) // 2
    image = image.resize((wide, high), Image.Resampling.LANCZOS)
    colours = np.asarray(image.crop((left, top, left + width, top + height)))
    if channels == 3:
        return colours
    grey = (colours.astype(np.int32) @ np.array([299, 587, 114]) + 500) // 1000
    return grey.astype(np.uint8)[:, :, None]


def main(model, *paths):
    session = onnxruntime.InferenceSession(model)
    metadata = session.get_modelmeta().custom_metadata_map
    classes = json.loads(metadata["classes"])
    shape = [int(metadata[key]) for key in ("height", "width", "channels")]

    # All images in one call.
    images = np.stack([pixels_of(path, *shape) for path in paths])
    (probabilities,) = session.run(["probabilities"], {"images": images})

    for path, row in zip(paths, probabilities):
        print(path)
        for index in np.argsort(-row, kind="stable")[:3]:
            print(f"  {row[index]:.4f} {classes[index]}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python predict.py MODEL.onnx IMAGE...")
    main(*sys.argv[1:])
