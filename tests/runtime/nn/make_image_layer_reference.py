"""Writes image_layer_reference.txt: results and gradients of image layers computed by PyTorch in double precision.

    python3 make_image_layer_reference.py > image_layer_reference.txt        (PyTorch 2.x)

Element i of tensor number k of a layer (0 its input, 1, 2, ... its parameters) is sin(1.7 k + 0.91 i), and of the
gradient that is fed back cos(0.37 i), over elements in the order in which Trireme keeps them: images (N, H, W, C), weights
(K, R, S, C). image_layers_test.cpp fills its layers the same way. One line per tensor: layer, what it is, its values.
"""
import torch
from torch import nn

torch.set_default_dtype(torch.float64)


def wave(k, shape):
    count = torch.Size(shape).numel()
    return torch.sin(1.7 * k + 0.91 * torch.arange(count)).view(shape)


def to_torch(x):  # channels behind the first dimension
    return x.permute(0, 3, 1, 2).contiguous() if x.dim() == 4 else x


def from_torch(x):
    return x.permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x


def line(layer, what, x):
    print(layer, what, *(f"{v:.9g}" for v in from_torch(x).flatten().tolist()))


def case(name, layer, shape, training=True):
    layer.train(training)
    parameters = dict(layer.named_parameters())
    with torch.no_grad():
        for k, p in enumerate(parameters.values(), 1):
            p.copy_(to_torch(wave(k, from_torch(p).shape)))
        if isinstance(layer, nn.BatchNorm2d) and not training:
            layer.running_mean.copy_(wave(8, layer.running_mean.shape))
            layer.running_var.copy_(1.5 + wave(9, layer.running_var.shape))
    x = to_torch(wave(0, shape)).requires_grad_()
    y = layer(x)
    fed = torch.cos(0.37 * torch.arange(y.numel())).view(from_torch(y).shape)
    y.backward(to_torch(fed))
    line(name, "y", y)
    line(name, "dx", x.grad)
    for what, p in parameters.items():
        line(name, "d" + what.replace("parametrizations.weight.original", "weight"), p.grad)
    for what, b in layer.named_buffers():
        if what.startswith("running_"):
            line(name, what, b)


class Sloped(nn.Module):
    def __init__(self, layer, slope):
        super().__init__()
        self.layer, self.slope = layer, slope

    def forward(self, x):
        return nn.functional.leaky_relu(self.layer(x), self.slope)

    def named_parameters(self, *args, **kwargs):
        return self.layer.named_parameters(*args, **kwargs)

    def named_buffers(self, *args, **kwargs):
        return self.layer.named_buffers(*args, **kwargs)


case("conv_valid", nn.Conv2d(3, 4, 3), (2, 5, 6, 3))
case("conv_same", nn.Conv2d(3, 5, 3, padding="same"), (2, 4, 5, 3))
case("conv_even_same", nn.Conv2d(2, 3, 4, padding="same"), (1, 5, 5, 2))
case("conv_stride", nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), (2, 7, 6, 3))
case("conv_dilated", nn.Conv2d(2, 3, 3, dilation=2, padding=2), (1, 6, 7, 2))
case("conv_groups", nn.Conv2d(4, 6, 3, groups=2, padding=1), (1, 5, 4, 4))
case("conv_depthwise", nn.Conv2d(5, 5, 3, groups=5, padding=1), (2, 4, 4, 5))
case("conv_one", nn.Conv2d(6, 3, 1), (2, 3, 3, 6))
case("conv_relu", Sloped(nn.Conv2d(3, 4, 3, padding=1), 0.0), (1, 4, 4, 3))
case("transposed", nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1), (2, 3, 4, 3))
case("transposed_groups", nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, bias=False), (1, 3, 3, 4))
case("max_pool", nn.MaxPool2d(3, 2, 1), (2, 6, 5, 3))
case("average_pool", nn.AvgPool2d(3, 2, 1), (2, 6, 5, 3))
case("adaptive", nn.AdaptiveAvgPool2d((2, 3)), (2, 5, 7, 3))
case("global", nn.AdaptiveAvgPool2d(1), (2, 5, 7, 3))
case("batch_norm", nn.BatchNorm2d(3), (2, 4, 5, 3))
case("batch_norm_leaky", Sloped(nn.BatchNorm2d(3), 0.2), (2, 4, 5, 3))
case("batch_norm_evaluation", nn.BatchNorm2d(3), (2, 4, 5, 3), training=False)
case("group_norm", nn.GroupNorm(2, 6), (2, 3, 4, 6))
case("instance_norm", nn.InstanceNorm2d(3), (2, 4, 4, 3))
case("instance_norm_affine", nn.InstanceNorm2d(3, affine=True), (2, 4, 4, 3))
case("nearest", nn.Upsample(scale_factor=2, mode="nearest"), (2, 3, 4, 2))
case("bilinear", nn.Upsample(scale_factor=2, mode="bilinear"), (2, 3, 4, 2))
case("bilinear_three", nn.Upsample(scale_factor=3, mode="bilinear"), (1, 2, 3, 2))
