"""REFERENCE: what is done to overlapping boxes, as the papers tell it: loops, one box at a time."""

import math


def plain_iou(a, b):
    """Of two boxes, in Python's own numbers."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = map(float, a), map(float, b)
    overlap = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - overlap
    return overlap / union if union > 0 else 0.0


def candidates_by_class(scores, config):
    """Of each class, or of all as one, the candidates ``(prior, label)``, the best first."""
    pairs = [(prior, label) for label in range(scores.shape[1]) for prior in range(len(scores))]
    pairs = [pair for pair in pairs if scores[pair] > config.score]
    groups = [pairs] if config.agnostic else [[p for p in pairs if p[1] == c] for c in range(scores.shape[1])]
    return [sorted(group, key=lambda pair: -scores[pair])[: config.per_class] for group in groups]


def best_of_all(chosen, config):
    return sorted(chosen, key=lambda row: -row[1])[: config.per_image]


def plain_nms(scores, boxes, config):
    """Rows of ``((prior, label), score)``."""
    chosen = []
    for candidates in candidates_by_class(scores, config):
        kept = []
        for pair in candidates:
            if all(plain_iou(boxes[pair[0]], boxes[other]) <= config.nms_iou for other, _ in kept):
                kept.append(pair)
        chosen += [(pair, float(scores[pair])) for pair in kept]
    return best_of_all(chosen, config)


def plain_soft_nms(scores, boxes, config):
    """Figure 2 of arXiv 1704.04503, with its two functions f; rows of ``((prior, label), score)``."""
    chosen = []
    for candidates in candidates_by_class(scores, config):
        left = [[pair, float(scores[pair])] for pair in candidates]
        while left:
            taken = max(left, key=lambda row: row[1])  # the first of equal ones
            left.remove(taken)
            chosen.append(tuple(taken))
            for row in left:
                iou = plain_iou(boxes[row[0][0]], boxes[taken[0][0]])
                if config.nms == "soft-gaussian":
                    row[1] *= math.exp(-(iou**2) / config.nms_sigma)
                elif iou >= config.nms_iou:
                    row[1] *= 1 - iou
    return best_of_all([row for row in chosen if row[1] > config.score], config)


def plain_fusion(views, same):
    """Section 3 of arXiv 1910.13302; ``views`` are lists of ``(box, score, label)``, rows come back likewise."""
    fused = []
    for label in sorted({row[2] for view in views for row in view}):
        rows = sorted((row for view in views for row in view if row[2] == label), key=lambda row: -row[1])
        clusters = []  # lists of rows, and their fused box
        for row in rows:
            overlap = [plain_iou(row[0], box) for _, box in clusters]
            if overlap and max(overlap) > same:
                members = clusters[overlap.index(max(overlap))][0]
            else:
                members = []
                clusters.append([members, None])
            members.append(row)
            total = sum(score for _, score, _ in members)
            box = [sum(score * box[i] for box, score, _ in members) / total for i in range(4)]
            next(cluster for cluster in clusters if cluster[0] is members)[1] = box
        for members, box in clusters:
            mean = sum(score for _, score, _ in members) / len(members)
            fused.append((box, mean * min(len(members), len(views)) / len(views), label))
    return sorted(fused, key=lambda row: -row[1])
