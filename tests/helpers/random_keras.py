"""Small random networks in Keras, converted to full-integer TFLite as TensorFlow's guide does; no EdgeForge in it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SAMPLES = 48


def blocks(layers: Any, pick: random.Random) -> dict[str, Callable[[Any], Any]]:
    """Return what a network may be made of: name → what it does to a tensor."""

    def dilated(x: Any) -> Any:
        return layers.Conv2D(pick.choice([4, 8]), 3, dilation_rate=2, padding=pick.choice(["same", "valid"]))(x)

    def convolved(x: Any) -> Any:
        kernel, stride = pick.choice([1, 2, 3, (5, 1)]), pick.choice([1, 1, 2])
        act = pick.choice([None, "relu", "relu6"])
        padding = pick.choice(["same", "valid"])
        return layers.Conv2D(pick.choice([4, 8, 12]), kernel, stride, padding, activation=act)(x)

    def residual(x: Any) -> Any:
        branch = layers.Conv2D(int(x.shape[-1]), 3, padding="same")(x)
        join = pick.choice([layers.Add, layers.Add, layers.Multiply, layers.Subtract, layers.Maximum])
        return join()([x, branch])

    def recurrent(x: Any) -> Any:
        rows = layers.Reshape((int(x.shape[1]), int(x.shape[2] * x.shape[3])))(x)
        kind = pick.choice([layers.LSTM, layers.GRU])
        return layers.Reshape((1, 1, 8))(kind(8, unroll=pick.random() < 0.5)(rows))

    def single(name: str) -> Callable[[Any], Any]:
        return lambda x: layers.Activation(name)(x)

    def upsampled(x: Any) -> Any:
        return layers.UpSampling2D(2, interpolation=pick.choice(["nearest", "bilinear"]))(x)

    def concatenated(x: Any) -> Any:
        return layers.Concatenate()([x, layers.Conv2D(4, 1, activation="relu")(x)])

    return {
        "convolved": convolved,
        "dilated": dilated,
        "residual": residual,
        "recurrent": recurrent,
        "upsampled": upsampled,
        "concatenated": concatenated,
        "depthwise": lambda x: layers.DepthwiseConv2D(3, pick.choice([1, 2]), "same")(x),
        "separable": lambda x: layers.SeparableConv2D(8, 3, padding="same", activation="relu")(x),
        "transposed": lambda x: layers.Conv2DTranspose(4, pick.choice([2, 3]), 2, "same")(x),
        "max_pooled": lambda x: layers.MaxPooling2D(2, padding="same")(x),
        "averaged": lambda x: layers.AveragePooling2D(2, padding=pick.choice(["same", "valid"]))(x),
        "padded": lambda x: layers.ZeroPadding2D(((0, 1), (1, 0)))(x),
        "normalised": lambda x: layers.BatchNormalization()(x),
        "leaky_relu": lambda x: layers.LeakyReLU()(x),
        "prelu": lambda x: layers.PReLU(alpha_initializer="random_normal", shared_axes=[1, 2])(x),
        "squeezed": lambda x: layers.GlobalAveragePooling2D(keepdims=True)(x),
        "cropped": lambda x: layers.Cropping2D(((1, 0), (0, 1)))(x),
        **{name: single(name) for name in ("relu", "relu6", "sigmoid", "tanh", "elu", "silu", "gelu", "hard_sigmoid",
                                           "softplus", "hard_swish")},
    }  # fmt: skip


def network(seed: int) -> tuple[Any, list[str]]:
    """Return the model and the blocks in it; every second one has a free batch."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(seed)
    pick = random.Random(seed)
    shape = (pick.choice([8, 12, 16]), pick.choice([8, 11]), pick.choice([1, 3]))
    start = tf.keras.Input(shape, batch_size=pick.choice([None, 1]))
    known = blocks(tf.keras.layers, pick)
    x, used = known["convolved"](start), ["convolved"]
    for _ in range(pick.randint(2, 6)):
        name = pick.choice([*known, "convolved", "convolved", "residual", "depthwise", "dilated"])
        try:
            y = known[name](x)
        except (ValueError, TypeError):
            continue
        if len(y.shape) == 4 and min(y.shape[1:]) > 0 and y.shape[1] * y.shape[2] * y.shape[3] < 20_000:
            x, used = y, [*used, name]
    layers = tf.keras.layers
    x = layers.Flatten()(x) if int(np.prod(x.shape[1:])) < 512 else layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(5, activation=pick.choice([None, "softmax"]))(x)
    return tf.keras.Model(start, x), used


def write(seed: int, folder: Path) -> str | None:
    """Write FOLDER/keras_SEED.tflite and .npz (x: N,C,H,W float32; y: the float network's outputs; blocks).

    Returns why the converter refuses it, None where it does not.
    """
    import tensorflow as tf

    try:
        model, used = network(seed)
        height, width, channels = model.input_shape[1:]
        noise = np.random.default_rng(seed).normal(0, 1, (SAMPLES, height, width, channels)).astype(np.float32)
        x = noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2)
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in x)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        y = np.concatenate([model(image[None], training=False).numpy() for image in x])
        flatbuffer = converter.convert()
    except Exception as error:  # what TensorFlow does not make is nobody's model
        return f"TensorFlow's converter: {(str(error) or type(error).__name__).splitlines()[0][:100]}"
    (folder / f"keras_{seed}.tflite").write_bytes(flatbuffer)
    np.savez(folder / f"keras_{seed}.npz", x=x.transpose(0, 3, 1, 2), y=y, blocks=np.array(used))
    return None
