"""Secrets that an image shows, as text and as a QR code, and readers of both that know where to look."""

import cv2
import numpy as np

CODE, NUMBER = "KEY 4711", "58203194"
DIGITS = "0123456789"


def qr_code(side):
    """A QR code, black on green, ``(side, side, 3)`` uint8 RGB. A module has as many pixels as fit."""
    modules = np.pad(cv2.QRCodeEncoder.create().encode(CODE)[2:-2, 2:-2], 3, constant_values=255)
    zoom = side // len(modules)
    dark = cv2.resize(modules, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST) == 0
    image = np.full((side, side, 3), (0, 255, 0), np.uint8)
    image[: len(dark), : len(dark)][dark] = 0
    return image


def read_qr_code(image):
    """The text of a QR code, or nothing."""
    framed = np.pad(image[..., 1], 20, constant_values=255)
    large = cv2.resize(framed, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC) if len(framed) < 240 else framed
    return cv2.QRCodeDetector().detectAndDecode(large)[0]


def number_plate(width):
    """A number of eight digits, black on green, ``(width // 4, width, 3)`` uint8 RGB."""
    cells = [_glyph(digit, width // 4, width // 8) for digit in NUMBER]
    image = np.full((width // 4, width, 3), (0, 255, 0), np.uint8)
    ink = np.concatenate(cells, axis=1)
    image[:, : ink.shape[1], 1] = ink
    return image


def read_number(image, width):
    """What a reader takes each digit for, knowing its place and the font exactly."""
    height, step = width // 4, width // 8
    cells = [image[:height, i * step : (i + 1) * step, 1].astype(float) for i in range(len(NUMBER))]
    patterns = [_normal(_glyph(digit, height, step).astype(float)) for digit in DIGITS]
    return "".join(DIGITS[int(np.argmax([(_normal(cell) * one).sum() for one in patterns]))] for cell in cells)


def _glyph(digit, height, width):
    large = np.full((200, 100), 255, np.uint8)
    cv2.putText(large, digit, (8, 160), cv2.FONT_HERSHEY_DUPLEX, 4.5, 0, 12)
    return cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)


def _normal(cell):
    centered = cell - cell.mean()
    return centered / (np.linalg.norm(centered) or 1)
