"""ResNet-50 in plain PyTorch (He et al., 2015), and a network small enough for a CPU.

As torchvision has it (its "v1.5"): the stride of a bottleneck is in its 3x3 convolution. The last
batch normalisation of each block begins at zero, so that blocks begin as identities (Goyal et al.,
2017).
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["resnet50", "tiny"]


def convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Sequential:
    """A convolution and its batch normalisation."""
    conv = nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; four times `width` channels come out."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.reduce = convolution(inputs, width, 1)
        self.transform = convolution(width, width, 3, stride)
        self.expand = convolution(width, outputs, 1)
        nn.init.zeros_(self.expand[1].weight)
        keeps_shape = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if keeps_shape else convolution(inputs, outputs, 1, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, inputs, H, W] to [N, 4 * width, H / stride, W / stride]."""
        y = self.relu(self.transform(self.relu(self.reduce(x))))
        return self.relu(self.expand(y) + self.shortcut(x))


def resnet(depths: tuple[int, ...], width: int, classes: int) -> nn.Sequential:
    """A stem, one stage for each of `depths`, and a classifier over the features' mean."""
    stem = [convolution(3, width, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)]
    blocks, inputs = [], width
    for stage, depth in enumerate(depths):
        stage_width = width << stage
        for number in range(depth):
            stride = 2 if number == 0 and stage > 0 else 1
            blocks.append(Bottleneck(inputs, stage_width, stride))
            inputs = 4 * stage_width
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]
    return nn.Sequential(*stem, *blocks, *head)


def resnet50(classes: int = 1000) -> nn.Sequential:
    """25.6 million parameters at 1000 classes."""
    return resnet((3, 4, 6, 3), 64, classes)


def tiny(classes: int = 1000) -> nn.Sequential:
    """The same shape of network at a thousandth of the work."""
    return resnet((1, 1), 8, classes)
