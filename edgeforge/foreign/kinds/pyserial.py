"""What pyserial says."""

from edgeforge.foreign.kinds.kind import Kind

SERIAL = (
    Kind(r"Could not configure port", "it is no serial port", "name the board's port, as the Arduino IDE shows it"),
    Kind(r"Not a valid baudrate: (.+)", "{0} is no speed of a serial port", "for instance --baud 115200"),
)
