"""A detector as the page's modules have it when it runs in the browser."""

from dataclasses import asdict

from multibox.explain.cells import maps_of


def model_of(schema):
    """The model of a schema. Typed arrays are NumPy arrays."""
    return {
        "name": "tiny",
        "classes": schema.classes,
        "size": schema.network.size,
        "resize": schema.resize,
        "activation": schema.activation,
        "variances": schema.priors.variances,
        "detect": schema.detect.model_dump(),
        "thresholds": schema.thresholds,
        "maps": [asdict(fmap) for fmap in maps_of(schema)],
        "priors": schema.make_priors(),
    }
