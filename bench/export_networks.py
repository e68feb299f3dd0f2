"""Exports small classifiers with random weights, for `bench/given-networks.ts`.

    python export_networks.py torchvision|timm|keras|torch FOLDER [NAME ...]

`torch`: networks of torchvision and timm by PyTorch 2, each by both of its exporters in several ways. A line for each network: its name, and `ok` or why it could not be exported. Files that are there already are kept.
"""
import os
import sys
import warnings

warnings.filterwarnings('ignore')
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')

CLASSES = 10
SIDE = 96
# Those whose last map would be empty, or whose pools do not divide it.
LARGER = {'alexnet': 224, 'inception_v3': 128, 'vgg11_bn': 224}

NETWORKS = {
    'torchvision': """alexnet densenet121 efficientnet_b0 efficientnet_b1 efficientnet_v2_s googlenet inception_v3 mnasnet0_5
        mnasnet1_0 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_400mf regnet_x_800mf regnet_y_400mf regnet_y_800mf
        resnet18 resnet34 resnet50 resnext50_32x4d shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5 squeezenet1_0
        squeezenet1_1 convnext_tiny""",
    'timm': """resnet10t resnet18d resnet26t resnet18:dilated seresnet33ts resnext26ts legacy_seresnet18 efficientnet_lite0
        efficientnet_es mobilenetv2_050 mobilenetv3_small_050 mobilenetv3_large_075 mobilenetv4_conv_small_050 tinynet_e
        ghostnet_050 repvgg_a0 rexnet_100 dla46_c hardcorenas_a lcnet_050 mixnet_s fbnetc_100 spnasnet_100 semnasnet_075 regnetx_002
        regnety_002 regnetz_005 selecsls42 ese_vovnet19b_dw skresnet18 gernet_s resnest14d dpn48b convnext_atto cspresnet50""",
    'torch': """alexnet convnext_tiny densenet121 efficientnet_b0 googlenet inception_v3 mnasnet0_5 mobilenet_v2 mobilenet_v3_large
        mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 shufflenet_v2_x0_5 squeezenet1_1 vgg11_bn timm:ghostnet_100
        timm:hardcorenas_a timm:mobilenetv3_small_100 timm:mobileone_s0 timm:repvgg_a0 timm:semnasnet_075 timm:tf_efficientnet_lite0
        timm:tinynet_e""",
    'keras': """MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large EfficientNetB0 EfficientNetV2B0 DenseNet121 ResNet50
        ResNet50V2 NASNetMobile Xception InceptionV3 ConvNeXtTiny""",
}

# Exporter, operator set, whether the batch is open, and more.
WAYS = {
    'script-11': (False, 11, False, {}),
    'script-17-preserve': (False, 17, True, {'training': 'PRESERVE', 'do_constant_folding': False}),
    'script-20': (False, 20, True, {}),
    'dynamo-18': (True, 18, False, {'external_data': False}),
    'dynamo-20-data': (True, 20, True, {'external_data': True}),
    'dynamo-20-plain': (True, 20, True, {'external_data': False, 'optimize': False}),
}


def prepared(net):
    import torch

    # Running statistics that are not 0 and 1.
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return net.eval()


def torch_file(net, name, path):
    import torch

    prepared(net)
    side = LARGER.get(name, SIDE)
    image = torch.randn(1, 3, side, side)
    torch.onnx.export(net, image, path, opset_version=16, input_names=['x'], dynamic_axes={'x': {0: 'n'}})


def of_torchvision(name):
    import torchvision.models as models

    more = {'aux_logits': False, 'init_weights': True} if name in ('googlenet', 'inception_v3') else {}
    return models.get_model(name, weights=None, num_classes=CLASSES, **more)


def of_timm(name, **more):
    import timm

    return timm.create_model(name, pretrained=False, num_classes=CLASSES, exportable=True, **more)


def torchvision_file(name, path):
    torch_file(of_torchvision(name), name, path)


def timm_file(name, path):
    stem, _, how = name.partition(':')
    torch_file(of_timm(stem, **({'output_stride': 8} if how == 'dilated' else {})), name, path)


def torch_ways(name, folder):
    """A file for each way, FOLDER/torch-NAME@WAY.onnx."""
    import torch

    library, _, stem = name.rpartition(':')
    net = prepared(of_timm(stem) if library == 'timm' else of_torchvision(stem))
    side = LARGER.get(stem, SIDE)
    for way, (dynamo, opset, is_open, more) in WAYS.items():
        path = os.path.join(folder, f'torch-{stem}@{way}.onnx')
        if os.path.exists(path):
            continue
        # A batch of one would be a constant.
        image = torch.randn(2 if is_open else 1, 3, side, side)
        how = {**more, 'dynamo': dynamo, 'opset_version': opset, 'input_names': ['x'], 'verbose': False}
        if 'training' in how:
            how['training'] = getattr(torch.onnx.TrainingMode, how['training'])
        if is_open:
            how.update({'dynamic_shapes': ({0: torch.export.Dim('n')},)} if dynamo else {'dynamic_axes': {'x': {0: 'n'}}})
        try:
            torch.onnx.export(net, (image,), path, **how)
            print(name, way, 'ok', flush=True)
        except Exception as error:
            print(name, way, 'not exported:', str(error).split('\n')[0][:160], flush=True)


def keras_file(name, path):
    import keras
    import numpy

    net = getattr(keras.applications, name)(weights=None, classes=CLASSES, input_shape=(SIDE, SIDE, 3))
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            values = layer.get_weights()
            values[-2] = numpy.random.normal(0, 0.1, values[-2].shape)
            values[-1] = numpy.random.uniform(0.5, 1.5, values[-1].shape)
            layer.set_weights(values)
    net(numpy.zeros((1, SIDE, SIDE, 3), 'float32'))
    net.export(path, format='onnx', verbose=False)


def main():
    library, folder, *names = sys.argv[1:]
    if library == 'keras':
        import keras

        keras.utils.set_random_seed(0)
    else:
        import torch

        torch.manual_seed(0)
    if library == 'torch':
        for name in names or NETWORKS[library].split():
            torch_ways(name, folder)
        return
    export = {'torchvision': torchvision_file, 'timm': timm_file, 'keras': keras_file}[library]
    for name in names or NETWORKS[library].split():
        path = os.path.join(folder, f"{library}-{name.replace(':', '-')}.onnx")
        if os.path.exists(path):
            continue
        try:
            export(name, path)
            print(name, 'ok', flush=True)
        except Exception as error:
            print(name, 'not exported:', str(error).split('\n')[0][:100], flush=True)


main()
