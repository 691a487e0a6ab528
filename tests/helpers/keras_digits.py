"""Trains a small Keras net on scikit-learn's digits and converts it as TensorFlow's own guide does, with a free batch.

Run as a program: keras_digits.py FOLDER writes float.tflite, int8.tflite (dense weights per channel, which is the
converter's default), dynamic.tflite and digits.npz (x normalised, raw, y: all N,C,H,W).
"""

import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    import tensorflow as tf
    from sklearn.datasets import load_digits

    tf.keras.utils.set_random_seed(1)
    digits = load_digits()
    raw = (digits.images[..., None] * 15).astype(np.uint8)  # 0 to 240
    x, y = (raw / 255).astype(np.float32), digits.target
    net = tf.keras.Sequential(
        [
            tf.keras.Input((8, 8, 1)),
            tf.keras.layers.Conv2D(8, 3, activation="relu"),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(16, activation="relu"),
            tf.keras.layers.Dense(10),
        ]
    )
    loss, rate = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), tf.keras.optimizers.Adam(0.01)
    net.compile(rate, loss)
    net.fit(x[:1300], y[:1300], epochs=6, batch_size=64, verbose=0)

    def convert(kind: str) -> bytes:
        converter = tf.lite.TFLiteConverter.from_keras_model(net)
        if kind != "float":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "int8":
            converter.representative_dataset = lambda: ([image[None]] for image in x[:200])
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())

    for kind in ("float", "int8", "dynamic"):
        (folder / f"{kind}.tflite").write_bytes(convert(kind))
    test = {"x": x[1300:], "raw": raw[1300:]}
    np.savez(folder / "digits.npz", y=y[1300:], **{name: part.transpose(0, 3, 1, 2) for name, part in test.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
