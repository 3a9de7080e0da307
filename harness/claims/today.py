"""Which claims of 2016 still hold, if the eight networks of today stand beside the fourteen of the figure."""

from functools import partial

from harness.claims.claim import Claim, Outcome, judge
from harness.claims.counting import macs, params
from harness.claims.evidence import Evidence
from harness.claims.figure import CANZIANI, hyperbola, operations_predict_time, published, times_per_parameter
from harness.networks import catalog
from harness.report import figure

TODAY = f"{CANZIANI}, with the networks of today"


def most_expensive(evidence: Evidence) -> Outcome:
    """Both VGGs against every other network, in operations and in parameters."""
    layers = {name: evidence.layers(name) for name in _names()}
    least, next_most = {}, {}
    for what, counted in {"operations": macs, "parameters": params}.items():
        counts = {name: counted(of) for name, of in layers.items()}
        least[what] = min(count for name, count in counts.items() if name.startswith("vgg"))
        next_most[what] = max((count, name) for name, count in counts.items() if not name.startswith("vgg"))
    times = {what: least[what] / next_most[what][0] for what in least}
    told = [f"{times[what]:.2f} times the {what} of {next_most[what][1]}" for what in least]
    return judge(
        f"the smaller VGG has {' and '.join(told)}, the next of the {len(layers)}",
        {f"{what}, times {next_most[what][1]}": of for what, of in times.items()},
        holds=min(times.values()) > 1,
    )


def enet_is_densest(evidence: Evidence) -> Outcome:
    """ENet's published accuracy per counted parameter against the best of the others."""
    densities = {name: figure.density(published(name).value, params(evidence.layers(name))) for name in _names()}
    best = max((name for name in densities if name != "enet"), key=lambda name: densities[name])
    times = times_per_parameter(evidence, best, "enet")
    return judge(
        f"{best} has {densities[best]:.2f} % of top-1 a million parameters, {times.value:.2f} [{times.low:.2f}, "
        f"{times.high:.2f}] times enet's {densities['enet']:.2f}",
        {f"{name} % a million": of for name, of in densities.items()} | times.numbers(f"{best}, times enet"),
        holds=times.high < 1,
        fails=times.low > 1,
    )


def _names() -> list[str]:
    return [network.name for network in catalog.select([], figure.EDITIONS["today"])]


CLAIMS = (
    Claim(
        number=49,
        lecture=TODAY,
        says="VGG is still the most expensive, in operations and in parameters.",
        checks=(most_expensive,),
    ),
    Claim(
        number=50,
        lecture=TODAY,
        says="ENet's accuracy per parameter is still the highest. (Published accuracies, counted parameters.)",
        checks=(enet_is_densest,),
    ),
    Claim(
        number=51,
        lecture=TODAY,
        says="The number of operations is still a reliable estimate of the inference time. (Taken as for claim 46.)",
        checks=(partial(operations_predict_time, edition="today"),),
    ),
    Claim(
        number=52,
        lecture=TODAY,
        says="Accuracy and inference time are still in a hyperbolic relationship. (Taken as for claim 48.)",
        checks=(partial(hyperbola, edition="today"),),
    ),
)
