"""Writes small nets of the four kinds of MLPerf Tiny as TensorFlow's converter makes them: untrained, their batch free.

Run as a program: keras_tiny.py FOLDER writes NAME.float.tflite, NAME.int8.tflite and NAME.npz (x: N,C,H,W).
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np


def nets() -> dict[str, Any]:
    from tensorflow import keras
    from tensorflow.keras import layers

    def block(x: Any, channels: int, stride: int = 1) -> Any:
        x = layers.DepthwiseConv2D(3, stride, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        return layers.ReLU()(layers.Conv2D(channels, 1)(x))

    def keywords() -> Any:
        source = keras.Input((49, 10, 1))
        x = layers.Conv2D(8, (10, 4), 2, padding="same", activation="relu")(source)
        x = layers.AveragePooling2D((25, 5))(layers.Dropout(0.2)(block(x, 8)))
        return keras.Model(source, layers.Dense(12, activation="softmax")(layers.Flatten()(x)))

    def wake_words() -> Any:
        source = keras.Input((96, 96, 3))
        x = layers.Conv2D(4, 3, 2, padding="same", activation="relu")(source)
        x = layers.AveragePooling2D(12)(block(block(x, 8, 2), 8, 2))
        return keras.Model(source, layers.Dense(2, activation="softmax")(layers.Flatten()(x)))

    def images() -> Any:
        source = keras.Input((32, 32, 3))
        x = layers.Conv2D(8, 3, padding="same", activation="relu")(source)
        y = layers.Conv2D(8, 3, padding="same", dilation_rate=2)(x)
        x = layers.ReLU()(layers.Add()([x, y]))
        return keras.Model(source, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))

    def anomalies() -> Any:
        source = keras.Input((640,))
        x = layers.Dense(8, activation="relu")(layers.Dense(16, activation="relu")(source))
        return keras.Model(source, layers.Dense(640)(x))

    return {made.__name__: made() for made in (keywords, wake_words, images, anomalies)}


def main(folder: Path) -> None:
    import tensorflow as tf

    tf.keras.utils.set_random_seed(1)
    for name, net in nets().items():
        x = np.random.default_rng(0).uniform(0, 1, (16, *net.input_shape[1:])).astype(np.float32)
        for kind in ("float", "int8"):
            converter = tf.lite.TFLiteConverter.from_keras_model(net)
            if kind == "int8":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda x=x: ([one[None]] for one in x)
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = tf.int8
                converter._experimental_disable_per_channel_quantization_for_dense_layers = True
            (folder / f"{name}.{kind}.tflite").write_bytes(converter.convert())
        np.savez(folder / f"{name}.npz", x=x.transpose(0, 3, 1, 2) if x.ndim == 4 else x)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
