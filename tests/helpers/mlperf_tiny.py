"""Networks of the shapes of MLPerf Tiny's reference models, int8, with random weights."""

from __future__ import annotations

from collections.abc import Callable

from int8_models import Net


def image_classification() -> bytes:
    """ResNet on 32 × 32 × 3, 12,501,632 multiply-accumulates."""
    net = Net(32, 32, 3)
    x = net.conv(net.input, 16)
    x = net.add(net.conv(net.conv(x, 16), 16), x)
    for channels in (32, 64):
        y = net.conv(net.conv(x, channels, stride=2), channels)
        x = net.add(y, net.conv(x, channels, (1, 1), stride=2))
    return net.build(net.softmax(net.dense(net.flat(net.pool(x, "AVERAGE_POOL_2D", 8, 8)), 10)))


def keyword_spotting() -> bytes:
    """DS-CNN on 49 × 10 frames, 2,656,768 multiply-accumulates."""
    net = Net(49, 10, 1)
    x = net.conv(net.input, 64, (10, 4), stride=2)
    for _ in range(4):
        x = net.conv(net.depthwise(x), 64, (1, 1))
    window = {"strideH": 25, "strideW": 5, "filterHeight": 25, "filterWidth": 5}
    x = net.operator("AVERAGE_POOL_2D", [x], (1, 1, 1, 64), "NONE", False, **window)
    return net.build(net.softmax(net.dense(net.flat(x), 12)))


def visual_wake_words(*, mean: bool = False) -> bytes:
    """MobileNetV1 at width 0.25 on 96 × 96 × 3, 7,489,664 multiply-accumulates. mean: in place of its average pool."""
    net = Net(96, 96, 3)
    x = net.conv(net.input, 8, stride=2)
    blocks = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1))
    for channels, stride in blocks:
        x = net.conv(net.depthwise(x, stride=stride), channels, (1, 1))
    pooled = net.mean(x) if mean else net.flat(net.pool(x, "AVERAGE_POOL_2D", 3, 3))
    return net.build(net.softmax(net.dense(pooled, 2)))


def anomaly_detection() -> bytes:
    """Autoencoder of 640 values, 264,192 multiply-accumulates."""
    net = Net(640)
    x = net.input
    for outputs in (*[128] * 4, 8, *[128] * 4, 640):
        x = net.dense(x, outputs)
    return net.build(x)


NETWORKS: dict[str, Callable[[], bytes]] = {
    "ic": image_classification,
    "kws": keyword_spotting,
    "vww": visual_wake_words,
    "ad": anomaly_detection,
}
MACS = {"ic": 12_501_632, "kws": 2_656_768, "vww": 7_489_664, "ad": 264_192}
