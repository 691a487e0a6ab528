"""The Raspberry Pi bundle: packed, sent, measured and served."""
