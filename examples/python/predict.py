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


def pixels_of(path, height, width, channels, fit, background):
    """Bring an image to the network's size as Instar does: Exif orientation, on the background, and then as `fit` says: cropped to
    its centre, padded with the colours of its edges, or stretched. Grey by Rec. 601."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, background), image).convert("RGB")
    scales = width / image.width, height / image.height
    if fit == "stretch":
        wide, high = width, height
    else:
        scale = min(scales) if fit == "pad" else max(scales)
        wide, high = (max(1, int(scale * length + 0.5)) for length in image.size)
    colours = np.asarray(image.resize((wide, high), Image.Resampling.LANCZOS))
    if fit == "pad":
        top, left = (height - high) // 2, (width - wide) // 2
        around = (top, height - high - top), (left, width - wide - left), (0, 0)
        colours = np.pad(colours, around, mode="edge")
    else:
        left, top = (wide - width + 1) // 2, (high - height + 1) // 2
        colours = colours[top : top + height, left : left + width]
    if channels == 3:
        return colours
    grey = (colours.astype(np.int32) @ np.array([299, 587, 114]) + 500) // 1000
    return grey.astype(np.uint8)[:, :, None]


def main(model, *paths):
    session = onnxruntime.InferenceSession(model)
    metadata = session.get_modelmeta().custom_metadata_map
    classes = json.loads(metadata["classes"])
    shape = [int(metadata[key]) for key in ("height", "width", "channels")]

    fit, background = metadata.get("fit", "crop"), metadata.get("background", "#ffffff")

    # All images in one call.
    images = np.stack([pixels_of(path, *shape, fit, background) for path in paths])
    (probabilities,) = session.run(["probabilities"], {"images": images})

    for path, row in zip(paths, probabilities):
        print(path)
        for index in np.argsort(-row, kind="stable")[:3]:
            print(f"  {row[index]:.4f} {classes[index]}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python predict.py MODEL.onnx IMAGE...")
    main(*sys.argv[1:])
