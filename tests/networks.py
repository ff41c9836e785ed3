"""What the tests of networks share: the priors of the paper, and where heads and outputs have to be."""

from multibox.config import Priors
from multibox.models.maps import feature_maps
from multibox.models.ssd import build
from multibox.priors import make_priors

PAPER = Priors(sizes=(30, 60, 111, 162, 213, 264, 315), ratios=((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)))
PAPER_512 = Priors(
    sizes=(35, 76, 153, 230, 307, 384, 460, 537), at=512, ratios=((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))
)


def assert_maps_and_outputs(network, priors):
    """Heads look at maps of the sizes worked out without Keras, and there is an output for each prior."""
    maps = feature_maps(network)
    model = build(network, classes=20, priors=priors)
    heads = {fmap.name: model.get_layer(f"{fmap.name}_head_boxes").output.shape[1:3] for fmap in maps}
    assert heads == {fmap.name: (fmap.height, fmap.width) for fmap in maps}
    count = len(make_priors(maps, priors, network.size))
    assert model.output["classes"].shape == (None, count, 21)
    assert model.output["boxes"].shape == (None, count, 4)
