"""Event files, which TensorBoard reads: TFRecord files of TensorBoard's own messages.

TensorBoard's writer would import TensorFlow wherever it is installed, whatever Keras runs on.
"""

import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

from multibox.annotations.crc32c import crc32c


class EventFile:
    """A new event file.

    Args:
        folder: Folder of a run's event files. TensorBoard reads them in the order of their names, which begin with the
            time.

    Raises:
        ImportError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path):
        from tensorboard.compat.proto.event_pb2 import Event

        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._file = (folder / name).open("xb")
        self.write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write(self, event: Any) -> None:
        """Append an event, so that TensorBoard sees it at once."""
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        self._file.write(length + _checksum(length) + data + _checksum(data))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _checksum(data: bytes) -> bytes:
    """CRC-32C of some bytes as TFRecord files hold it: turned by 15 bits, plus a constant."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
