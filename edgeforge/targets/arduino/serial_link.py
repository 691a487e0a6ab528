"""A board at the other end of a serial port: questions and answers, asked again when the line damages them."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError, StageFailed
from edgeforge.foreign.wording import cause, remedy
from edgeforge.guards.text import one_line
from edgeforge.targets.arduino.serial_protocol import (
    ANSWERS,
    VERSION,
    Fault,
    Frame,
    Hello,
    Message,
    Reader,
    SampleFacts,
    Sampling,
    SelfTestAnswer,
    Streamed,
    Taken,
    encode,
    parse_error,
    parse_hello,
    parse_result,
    parse_samples,
    parse_sampling,
    parse_self_test,
    parse_streamed,
)

if TYPE_CHECKING:
    from types import TracebackType

STAGE = "monitor"
BAUD = 115200  # settings.h has the same; boards with a USB port of their own take any
ATTEMPTS = 4
BOOT_SECONDS = 12.0  # opening the port restarts many boards, and the self-test comes first
QUIET = 0.5  # seconds without a frame, after which no older answer is to come
STREAM_WORD = 3.0  # seconds; a third of what the board waits for
NO_SAMPLES = "flash the sketch of a model of windows or sound that this EdgeForge has made"
HELLO_EVERY = 1.5  # seconds; longer than the second after which a board gives up a frame
LOST_ON_THE_LINE = (Fault.BAD_CRC, Fault.WRONG_LENGTH, Fault.UNKNOWN_TYPE, Fault.TIMEOUT)
KNOWN_TYPES = "This board knows"  # begins a board's answer to a question that it does not know
SILENT, DAMAGED, ENDLESS = "silent", "its answers arrive damaged (wrong CRC)", "endless"
CHUNK = 65536  # bytes that are read at once
MOST_WITHOUT_ANSWER = 2**20  # bytes; a board that says more in place of an answer does not stop
LARGEST_OUTPUT = 2**24  # bytes; no board's RAM holds more
SAID_BYTES = 400  # of a board's text that an error quotes


class Link:
    """An open serial port, and the board's answers. Use it in a `with`.

    hello: what the board said of itself. retries: how often a question had to be asked again.
    Raises RecipeError when there is no such port, StageFailed when it is busy, silent, gone or speaks otherwise.
    """

    def __init__(self, port: str, baud: int = BAUD, *, timeout: float = 10.0, boot: float = BOOT_SECONDS) -> None:
        self.port, self.timeout, self.retries = port, timeout, 0
        self._serial = _opened(port, baud)
        self._reader = Reader()
        self._unanswered = 0  # bytes since the last answer
        try:
            self.hello = self._greet(boot)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        self._serial.close()

    @property
    def said(self) -> str:
        """What the board wrote between frames, such as its self-test."""
        return self._reader.text.decode(errors="replace")

    def classify(self, data: bytes, *, raw: bool = False) -> tuple[int, bytes]:
        """Send one input tensor, or raw input, and return the board's microseconds and output tensor."""
        return parse_result(self.ask(Message.RAW if raw else Message.TENSOR, data))

    def self_test(self) -> SelfTestAnswer:
        """Have the board run its own test vectors."""
        return parse_self_test(self.ask(Message.SELF_TEST))

    def keep_state(self, keep: bool) -> None:
        """Have the board forget what inputs have left behind: once, and none after it (keep), or before each input."""
        try:
            self.ask(Message.STATE, bytes([keep]))
        except StageFailed as error:
            if KNOWN_TYPES not in error.reason:
                raise
            raise StageFailed(
                f"{self.port}: the board's sketch is an older one: inputs cannot follow each other there",
                fix="flash the sketch that this EdgeForge has made, or leave --in-a-row out",
                stage=STAGE,
            ) from error

    def sampling(self, wanted: Sampling) -> SampleFacts:
        """Say who has the samples of the board's sensor; return what they are. Raises StageFailed where it has none."""
        try:
            return parse_sampling(self.ask(Message.SAMPLING, bytes([wanted])))
        except ValueError as error:
            raise StageFailed(f"{self.port}: {cause(error)}", fix=NO_SAMPLES, stage=STAGE) from error
        except StageFailed as error:
            if KNOWN_TYPES in error.reason:
                what = "the board's sketch sends no samples: it is an older one, or its model takes none of a sensor"
                raise StageFailed(f"{self.port}: {what}", fix=NO_SAMPLES, stage=STAGE) from error
            raise

    def streamed(self) -> Iterator[Streamed | None]:
        """Yield the samples that the board sends, without an end; None where none came for a tenth of a second."""
        said = time.monotonic()
        while True:
            if time.monotonic() > said + STREAM_WORD:  # without a word of ours it would go on by itself
                said = time.monotonic()
                self._write(encode(Message.HELLO, bytes([VERSION])))
            found = [frame for frame in self._reader.feed(self._read()) if frame.type == Message.STREAMED]
            yield from map(self._parsed, found)
            if not found:
                yield None

    def _parsed(self, frame: Frame) -> Streamed:
        try:
            return parse_streamed(frame.payload)
        except ValueError as error:
            raise StageFailed(f"{self.port}: {cause(error)}", fix=NO_SAMPLES, stage=STAGE) from error

    def feed(self, samples: bytes) -> Taken:
        """Send samples in the place of the sensor's; return what they came to."""
        return parse_samples(self.ask(Message.SAMPLES, samples))

    def ask(self, question: Message, payload: bytes = b"") -> bytes:
        """Return the payload of the answer; what the line has damaged is asked again."""
        why = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.retries += 1
                # The board answers in turn: behind the answer to this HELLO no older answer can come.
                self._exchange(Message.HELLO, bytes([VERSION]), HELLO_EVERY)
            frame, why = self._exchange(question, payload, self.timeout)
            if frame is not None:
                return frame.payload
        raise self._failed(why, ATTEMPTS)

    def _greet(self, boot: float) -> Hello:
        """Say HELLO until the board answers: it may be starting up, or busy with its self-test."""
        until = time.monotonic() + boot
        while True:
            frame, why = self._exchange(Message.HELLO, bytes([VERSION]), HELLO_EVERY)
            if frame is not None:
                break
            if time.monotonic() > until or why == ENDLESS:
                raise self._failed(why, 0)
        self._drain()
        try:
            hello = parse_hello(frame.payload)
        except ValueError as error:
            raise StageFailed(
                f"{self.port}: {cause(error)}", fix="flash the sketch of this build", stage=STAGE
            ) from error
        if hello.version != VERSION:
            raise self._other_version(hello.version)
        self._reader.largest = max(self._reader.largest, 4 + min(hello.output_bytes, LARGEST_OUTPUT))
        return hello

    def _exchange(self, question: Message, payload: bytes, seconds: float) -> tuple[Frame | None, str]:
        """Send a question; return its answer, or None and why there is none."""
        damaged = self._reader.damaged
        self._write(encode(question, payload))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            data = self._read()
            self._unanswered += len(data)
            for frame in self._reader.feed(data):
                if frame.type == ANSWERS[question] or frame.type == Message.ERROR:
                    self._unanswered = 0
                    return self._judged(frame)
            if self._unanswered > MOST_WITHOUT_ANSWER + self._reader.largest:
                return None, ENDLESS
            if self._reader.damaged > damaged:
                return None, DAMAGED
        for frame in self._reader.give_up():  # what looked like a long frame was not one
            if frame.type == ANSWERS[question]:
                return self._judged(frame)
        return None, DAMAGED if self._reader.damaged > damaged else SILENT

    def _judged(self, frame: Frame) -> tuple[Frame | None, str]:
        """Return an answer, or None and why the question is worth asking again. Raises StageFailed where it is not."""
        if frame.version != VERSION:
            raise self._other_version(frame.version)
        if frame.type != Message.ERROR:
            return frame, ""
        code, text = parse_error(frame.payload)
        if code in LOST_ON_THE_LINE:
            return None, f"the board says: {text}"
        fix = "flash the sketch that this EdgeForge has made" if code == Fault.WRONG_VERSION else self._quoted()
        raise StageFailed(f"{self.port}: the board says: {text}", fix=fix, stage=STAGE)

    def _failed(self, why: str, attempts: int) -> StageFailed:
        if why == SILENT:
            heard = self._quoted()
            reason = f"{self.port}: nothing answers" if not attempts else f"{self.port}: the board has fallen silent"
            fix = "flash the sketch with serial mode on, close the IDE's serial monitor, try another --port or --baud"
            return StageFailed(reason + (f"; it only writes text ({heard})" if heard else ""), fix=fix, stage=STAGE)
        if why == ENDLESS:
            reason = f"{self.port}: the board writes without end, and no answer is among it ({self._quoted()})"
            return StageFailed(reason, fix="flash the sketch of this build, and no other that prints", stage=STAGE)
        tried = f", {attempts} times" if attempts else ""
        return StageFailed(
            f"{self.port}: the line is not reliable{tried}: {why}",
            fix="try another cable or USB port, or a lower --baud",
            stage=STAGE,
        )

    def _other_version(self, version: int) -> StageFailed:
        return StageFailed(
            f"{self.port}: the board speaks version {version} of the protocol, this EdgeForge version {VERSION}",
            fix="flash the sketch that this EdgeForge has made",
            stage=STAGE,
        )

    def _quoted(self) -> str:
        """Return the end of what the board wrote, on one line."""
        said = self._reader.text[-SAID_BYTES:].decode(errors="replace")
        return " / ".join(one_line(line) for line in said.split("\r\n") if line.strip())

    def _drain(self) -> None:
        """Let answers to earlier HELLOs arrive, and forget them."""
        left, answered = MOST_WITHOUT_ANSWER, time.monotonic()
        while data := self._read():
            if self._reader.feed(data):
                answered = time.monotonic()
            left -= len(data)
            if left < 0:
                raise self._failed(ENDLESS, 0)
            if time.monotonic() > answered + QUIET:  # a sketch that judges many inputs a second writes all the while
                return

    def _read(self) -> bytes:
        """Return what has arrived, after a tenth of a second at most."""
        try:
            return bytes(self._serial.read(min(max(1, self._serial.in_waiting), CHUNK)))
        except (OSError, TypeError) as error:  # pyserial's SerialException is an OSError; TypeError: closed meanwhile
            raise self._gone() from error

    def _write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except OSError as error:
            raise self._gone() from error

    def _gone(self) -> StageFailed:
        return StageFailed(
            f"{self.port}: the board is gone",
            fix="plug it in again, and look whether its port has changed",
            stage=STAGE,
        )


def _opened(port: str, baud: int) -> Any:
    import serial

    try:
        return serial.Serial(port, baud, timeout=0.1, write_timeout=10.0, exclusive=True)
    except (OSError, ValueError) as error:
        code = getattr(error, "errno", None)
        if code == errno.ENOENT or not Path(port).exists():
            raise RecipeError(f"{port}: there is no such serial port{_ports()}", fix="plug the board in") from error
        if code in (errno.EACCES, errno.EPERM):
            fix = "add yourself to the group that owns it: sudo usermod -aG dialout $USER, then log in again"
            raise StageFailed(f"{port}: you may not open it", fix=fix, stage=STAGE) from error
        if code in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
            fix = "close the Arduino IDE's serial monitor, or whatever else has it open"
            raise StageFailed(f"{port}: another program has it open", fix=fix, stage=STAGE) from error
        raise StageFailed(
            f"{port}: it cannot be opened: {cause(error)}", fix=remedy(error, "is it a serial port?"), stage=STAGE
        ) from error


def _ports() -> str:
    """Name the serial ports that there are."""
    from serial.tools.list_ports import comports

    found = sorted(port.device for port in comports())
    return f"; there is {', '.join(found)}" if found else "; no serial port is plugged in"
