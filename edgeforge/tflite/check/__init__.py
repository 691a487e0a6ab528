"""Is a .tflite file whole? Checked before any engine sees it: engines trust every offset, index and size in it."""
