"""What Caffe's layers compute, cell by cell in plain NumPy. Maps are ``(C, H, W)``, as Caffe has them."""

import numpy as np


def convolution(x, kernel, bias=None, stride=(1, 1), pad=(0, 0), dilation=(1, 1), groups=1):
    """Kernel ``(out, in / groups, h, w)``. Windows that do not fit whole are left out."""
    padded = np.pad(x, ((0, 0), (pad[0],) * 2, (pad[1],) * 2))
    filters, channels, rows, columns = kernel.shape
    height = (padded.shape[1] - (rows - 1) * dilation[0] - 1) // stride[0] + 1
    width = (padded.shape[2] - (columns - 1) * dilation[1] - 1) // stride[1] + 1
    weights = kernel.reshape(groups, filters // groups, channels, rows, columns)
    out = np.zeros((groups, filters // groups, height * width))
    for i in range(rows):
        for j in range(columns):
            top, left = i * dilation[0], j * dilation[1]
            cells = padded[
                :,
                top : top + (height - 1) * stride[0] + 1 : stride[0],
                left : left + (width - 1) * stride[1] + 1 : stride[1],
            ]
            out += weights[..., i, j] @ cells.reshape(groups, channels, height * width)
    out = out.reshape(filters, height, width)
    return out + (0 if bias is None else bias[:, None, None])


def pool(x, kernel, stride, pad, kind):
    """A pool of the largest or the average. A window that begins beyond the padded map is left out."""
    _, height, width = x.shape
    rows, columns = (outputs(length, kernel, stride, pad) for length in (height, width))
    out = np.zeros((len(x), rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride - pad, j * stride - pad
            bottom, right = min(top + kernel, height + pad), min(left + kernel, width + pad)
            cells = x[:, max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
            if kind == "max_pool":
                out[:, i, j] = cells.max(axis=(1, 2))
            else:
                out[:, i, j] = cells.sum(axis=(1, 2)) / ((bottom - top) * (right - left))
    return out


def outputs(length, kernel, stride, pad):
    count = int(np.ceil((length + 2 * pad - kernel) / stride)) + 1
    return count - 1 if pad and (count - 1) * stride >= length + pad else count


def batch_norm(x, mean, variance, factor, epsilon=1e-5):
    """Mean and variance are sums: the factor says of how much."""
    by = 0.0 if factor == 0 else 1.0 / factor
    return (x - (mean * by)[:, None, None]) / np.sqrt(variance * by + epsilon)[:, None, None]


def normalize(x, scale, epsilon=1e-10):
    return x / np.sqrt((x * x).sum(axis=0) + epsilon) * scale[:, None, None]
