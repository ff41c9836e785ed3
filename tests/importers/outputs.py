"""Hold the outputs of an imported model against those that its peer gave for the same images."""

import keras
import numpy as np

from multibox.models.file import load_model


def images(size: tuple[int, int], count: int = 2) -> np.ndarray:
    """``(count, H, W, 3)`` uint8 RGB: noise, of which one half is dark."""
    pixels = np.random.default_rng(7).integers(0, 256, (count, *size, 3), np.uint8)
    pixels[:, : size[0] // 2] //= 3
    return pixels


def torchvision_outputs(peer, pixels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, deltas and priors of a detector of torchvision for ``pixels``, ``(B, H, W, 3)`` uint8 RGB of its size."""
    import torch

    with torch.no_grad():
        batch, _ = peer.transform([torch.from_numpy(image).permute(2, 0, 1) / 255 for image in pixels])
        maps = list(peer.backbone(batch.tensors).values())
        outputs = peer.head(maps)
        priors = peer.anchor_generator(batch, maps)[0].numpy() / pixels.shape[1]
    return outputs["cls_logits"].numpy(), outputs["bbox_regression"].numpy(), priors


def assert_same_outputs(model, pixels, logits, deltas, priors_rel, columns=None) -> float:
    """Outputs by Keras and by PyTorch are the peer's, prior by prior, whatever the order of either.

    Args:
        model: path of the imported model.
        pixels: ``(B, H, W, 3)`` uint8 RGB.
        logits: ``(B, P, C + 1)`` the peer's.
        deltas: ``(B, P, 4)`` the peer's.
        priors_rel: ``(P, 4)`` the peer's priors, corners, as the peer works them out.
        columns: the peer's columns that ours are; without them all.

    Returns:
        the largest difference of Keras' outputs.
    """
    from in_torch import outputs_in_torch

    network, schema = load_model(model)
    ours = {name: keras.ops.convert_to_numpy(value) for name, value in network(pixels).items()}
    in_torch = {name: value.numpy() for name, value in outputs_in_torch(network, pixels).items()}
    theirs = same_boxes(schema.make_priors(), np.asarray(priors_rel, np.float32))
    logits = logits if columns is None else logits[..., list(columns)]
    assert logits.std() > 0.3, "outputs that say nothing prove nothing"
    assert deltas.std() > 0.3
    expected = {"classes": logits[:, theirs], "boxes": deltas[:, theirs]}
    by_keras = {f"{name} by Keras": _difference(ours[name], expected[name]) for name in expected}
    by_torch = {f"{name} by PyTorch": _difference(in_torch[name], expected[name]) for name in expected}
    print("largest differences, and the numbers of their priors:", by_keras | by_torch)
    assert max((by_keras | by_torch).values())[0] < 1e-4
    return max(difference for difference, _ in by_keras.values())


def _difference(found: np.ndarray, expected: np.ndarray) -> tuple[float, int]:
    """The largest difference of outputs ``(B, P, columns)``, and the number of its prior."""
    assert found.shape == expected.shape
    differences = np.abs(found - expected).max(axis=(0, 2))
    return float(differences.max()), int(differences.argmax())


def same_boxes(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """``(P,)`` for each of our priors the number of theirs that is the same box."""
    assert ours.shape == theirs.shape
    found = np.empty(len(ours), int)
    for start in range(0, len(ours), 1024):  # |a - b|^2 = |b|^2 - 2 a b + what does not depend on b
        distances = (theirs**2).sum(axis=1) - 2 * ours[start : start + 1024] @ theirs.T
        found[start : start + 1024] = distances.argmin(axis=1)
    assert np.abs(ours - theirs[found]).max() < 1e-5
    assert len(set(found.tolist())) == len(ours)
    return found
