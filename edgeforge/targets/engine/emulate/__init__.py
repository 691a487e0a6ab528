"""Compiled networks on emulated Cortex-M cores: built with arm-none-eabi-gcc, run and measured in QEMU."""
