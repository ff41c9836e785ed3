"""Chapter 4: what the network should predict for each prior."""

import numpy as np
from figure import BLUE, ORANGE, Figure, beside
from photo import HEIGHT, NAMES, OBJECTS, PHOTO, WIDTH, scene

from multibox.boxes import VARIANCES, decode, encode, iou, to_centers
from multibox.config_file import load_config
from multibox.data.sample import CLASSES
from multibox.models.maps import network_priors
from multibox.prepare.match import match
from multibox.prepare.render import resize
from multibox.prepare.targets import make_targets
from multibox.prepare.window import look_through, whole
from multibox.report.chart import Chart, Line

CONFIG = load_config("ssd300-vgg16-voc0712")
PRIORS = network_priors(CONFIG.network, CONFIG.priors)
SIDE = CONFIG.network.size[0]
INPUT = resize(PHOTO, (SIDE, SIDE), 1)
SEEN = look_through(OBJECTS, whole((HEIGHT, WIDTH)))
CLASSES_OF_PRIORS, DELTAS = make_targets(SEEN, PRIORS)

FISH = NAMES.index("fish")
BOX = SEEN.boxes[FISH]
OF_FISH = np.flatnonzero(match(SEEN.boxes, PRIORS, 0.5) == FISH)
PRIOR = OF_FISH[iou(BOX[None], PRIORS[OF_FISH])[0].argsort()[len(OF_FISH) // 2]]  # a middling one shows more
OBJECT_C, PRIOR_C = to_centers(BOX) * SIDE, to_centers(PRIORS[PRIOR]) * SIDE
BARE = encode(BOX, PRIORS[PRIOR], (1, 1, 1, 1))

fish_iou = f"{iou(BOX[None], PRIORS[PRIOR][None])[0, 0]:.2f}"
prior_number = f"{PRIOR:,}"
ocx, ocy, ow, oh = (f"{n:.1f}" for n in OBJECT_C)
pcx, pcy, pw, ph = (f"{n:.1f}" for n in PRIOR_C)

arithmetic = [("", "object", "prior", "change", "variance", "target")]
arithmetic += [
    (name, f"{OBJECT_C[i]:.1f}", f"{PRIOR_C[i]:.1f}", change, VARIANCES[i], f"{DELTAS[PRIOR, i]:+.3f}")
    for i, (name, change) in enumerate(
        zip(
            ("cx", "cy", "w", "h"),
            (
                f"({ocx} - {pcx}) / {pw} = {BARE[0]:+.3f}",
                f"({ocy} - {pcy}) / {ph} = {BARE[1]:+.3f}",
                f"log({ow} / {pw}) = {BARE[2]:+.3f}",
                f"log({oh} / {ph}) = {BARE[3]:+.3f}",
            ),
            strict=True,
        )
    )
]
there_and_back = f"{np.abs(decode(DELTAS[PRIOR], PRIORS[PRIOR]) - BOX).max() * SIDE:.0e}"

shape = f"{len(PRIORS):,}"
targets = [("prior", "class", "", "Δcx", "Δcy", "Δw", "Δh")]
targets += [
    (
        f"no. {i:,}",
        CLASSES_OF_PRIORS[i],
        "background" if CLASSES_OF_PRIORS[i] == 0 else CLASSES[CLASSES_OF_PRIORS[i] - 1],
        *(f"{n:+.2f}" if CLASSES_OF_PRIORS[i] else "0" for n in DELTAS[i]),
    )
    for i in (0, *np.flatnonzero(CLASSES_OF_PRIORS)[[0, 12]], PRIOR, PRIOR + 1, len(PRIORS) - 1)
]

SCENES = 40
scene_count = str(SCENES)


def positives_of(number: int) -> np.ndarray:
    """The deltas of the positives of a scene, not divided by variances."""
    image, objects = scene(number, 300)
    classes, deltas = make_targets(look_through(objects, whole(image.shape[:2])), PRIORS, variances=(1, 1, 1, 1))
    return deltas[classes > 0]


ALL = np.concatenate([positives_of(1000 + number) for number in range(SCENES)])
sample_count = f"{len(ALL):,}"
spread = [("", "Δcx", "Δcy", "Δw", "Δh")]
spread += [("standard deviation, bare", *(f"{n:.2f}" for n in ALL.std(axis=0)))]
spread += [("variance", *VARIANCES)]
spread += [("standard deviation, divided", *(f"{n:.2f}" for n in (ALL / VARIANCES).std(axis=0)))]


def one_prior() -> Figure:
    """An object, one of its priors, and the way from one to the other."""
    figure = Figure(170, 140, "A prior and the fish's box, an arrow between their centres", left=40, top=85, text=6.5)
    figure.image(INPUT).box(PRIORS[PRIOR] * SIDE, ORANGE, width=2.5, dash="6 3").box(
        BOX * SIDE, BLUE, "fish", width=2.5
    )
    figure.label(PRIORS[PRIOR, 0] * SIDE, PRIORS[PRIOR, 3] * SIDE + 9, f"prior {PRIOR}", ORANGE)
    figure.line(*PRIOR_C[:2], *OBJECT_C[:2], "rgb(255, 255, 255)", width=2)
    return figure.dot(*PRIOR_C[:2], ORANGE, size=2.2).dot(*OBJECT_C[:2], BLUE, size=2.2)


def histogram() -> str:
    """How the four numbers are spread, bare and divided by the variances."""

    def lines(deltas: np.ndarray, width: float) -> list[Line]:
        edges = np.arange(-4, 4 + width, width)
        return [
            Line(name, edges[:-1] + width / 2, np.histogram(deltas[:, i], edges)[0] / len(deltas) / width)
            for i, name in enumerate(("Δcx", "Δcy", "Δw", "Δh"))
        ]

    bare = Chart("As they are", lines(ALL, 0.1), x="delta", y="density")
    return beside([bare, Chart("Divided", lines(ALL / VARIANCES, 0.5), x="target", y="density")])
