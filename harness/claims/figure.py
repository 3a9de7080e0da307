"""Claims of the figure of 2016: of its networks' definitions, of their published accuracies, and of a run of them."""

import statistics
from collections.abc import Callable, Mapping
from itertools import pairwise

from harness.claims import significance
from harness.claims.claim import Check, Claim, Outcome, judge
from harness.claims.counting import macs, params
from harness.claims.evidence import Evidence, NotMeasuredError
from harness.claims.significance import Estimate
from harness.errors import HarnessError
from harness.frameworks.layers import Layer
from harness.measurements import fitted_line
from harness.measurements.fitted_line import Line
from harness.networks import catalog
from harness.networks.catalog import FRAMEWORKS
from harness.report import figure
from harness.report.figure import Figure, Top1

CANZIANI = "Canziani et al. 2016"
# By rising accuracy, as its first graph has them.
ORDER = (
    "alexnet_two_tower", "bn_alexnet", "bn_nin", "enet", "googlenet", "resnet18", "vgg16", "vgg19",
    "resnet34", "resnet50", "resnet101", "resnet152", "inception_v3", "inception_v4",
)  # fmt: skip
BY_FAR = 2.0  # times the next: the paper names no amount
READING = 0.005  # what a figure read off the chart may be off by: half of its last digit
ABOUT = 0.05  # of a stated ratio
RELIABLE = 0.8  # of the variance explained
FEWEST = 6  # networks on which a line is judged


def by_far(what: str, counted: Callable[[tuple[Layer, ...]], int]) -> Check:
    """That both VGGs have twice as many of something as the next of the others."""

    def check(evidence: Evidence) -> Outcome:
        counts = {name: counted(evidence.layers(name)) for name in ORDER}
        following = max((name for name in ORDER if not name.startswith("vgg")), key=lambda name: counts[name])
        times = {name: counts[name] / counts[following] for name in ("vgg16", "vgg19")}
        return judge(
            f"VGG-16 and VGG-19 have {times['vgg16']:.2f} and {times['vgg19']:.2f} times the {what} of {following}, "
            f"the next of the {len(ORDER)}",
            {f"{name} {what}, times {following}": factor for name, factor in times.items()},
            holds=min(times.values()) >= BY_FAR,
        )

    return check


def accuracy_per_parameter(evidence: Evidence) -> Outcome:
    """ENet's published accuracy per counted parameter, against all and against two."""
    densities = {name: figure.density(published(name).value, params(evidence.layers(name))) for name in ORDER}
    stated = {"alexnet_two_tower": 13, "vgg19": 24}
    times = {name: times_per_parameter(evidence, "enet", name) for name in stated}
    told = [f"{of.value:.1f} [{of.low:.1f}, {of.high:.1f}] times {name}'s" for name, of in times.items()]
    following = max((name for name in ORDER if name != "enet"), key=lambda name: densities[name])
    ends = {name: (about * (1 - ABOUT), about * (1 + ABOUT)) for name, about in stated.items()}
    first = densities["enet"] > densities[following]
    return judge(
        f"enet has {densities['enet']:.2f} % of top-1 a million parameters, {', '.join(told)}; next is {following} "
        f"with {densities[following]:.2f}. enet's accuracy is read off the chart: {100 * READING:g} points either way "
        "are allowed",
        {f"{name} % a million": of for name, of in densities.items()}
        | {key: value for name, of in times.items() for key, value in of.numbers(f"enet, times {name}").items()},
        holds=first and all(ends[name][0] <= of.low and of.high <= ends[name][1] for name, of in times.items()),
        fails=not first or any(of.high < ends[name][0] or of.low > ends[name][1] for name, of in times.items()),
    )


def operations_predict_time(evidence: Evidence, edition: str = "2016") -> Outcome:
    """Latency by operations of the run's networks: the line, what it explains, and what it leaves."""
    shown = _figure(evidence, edition)
    if len(shown.timed) < FEWEST:
        return _too_few(len(shown.timed), "with a latency")
    line, where = figure.time_line(shown.timed), shown.setting.text if shown.setting else ""
    off = {
        point.name: abs(residual) / point.latency_ms[0]
        for point, residual in zip(shown.timed, line.residuals, strict=True)
    }
    worst = max(off, key=lambda name: off[name])
    return judge(
        f"{_explained(line)} of the latencies of {len(off)} networks ({where}): {line.slope:.3g} ms a G-Op "
        f"{line.intercept:+.3g} ms; the line is off by {100 * statistics.median(off.values()):.0f} % of a latency in "
        f"the median, by {100 * off[worst]:.0f} % of {worst}'s",
        _numbers(line)
        | {f"{point.name} residual ms": of for point, of in zip(shown.timed, line.residuals, strict=True)},
        holds=line.slope > 0 and line.r_squared_low >= RELIABLE,
        fails=line.r_squared_high < RELIABLE or (line.slope < 0 and line.r_squared_low > 0),
    )


def published_order(_: Evidence) -> Outcome:
    """The published accuracies of neighbours in the paper's order."""
    return _ordered("published", {name: published(name) for name in ORDER})


def measured_order(evidence: Evidence) -> Outcome:
    """The accuracies that the run measured, of neighbours in the paper's order."""
    points = {point.name: point for point in _figure(evidence).points}
    found = {name: _estimate(top1) for name in ORDER if name in points and (top1 := points[name].measured)}
    if len(found) < 2:
        raise NotMeasuredError(
            "the run has no accuracy on ImageNet of two of them: import their weights (`harness weights import`), and "
            "run with --data imagenet:DIR"
        )
    return _ordered("measured", found)


def hyperbola(evidence: Evidence, edition: str = "2016") -> Outcome:
    """Accuracy by images a second, on the front of accuracy and latency; beside it accuracy by latency."""
    shown = _figure(evidence, edition)
    members = figure.latency_front(shown.timed).members
    front = [point for point, on in zip(shown.timed, members, strict=True) if on]
    if len(front) < FEWEST:
        return _too_few(len(front), "on the front of accuracy and latency")
    accuracies = [100 * point.top1.value for point in front]
    curve = fitted_line.fit([1e3 / point.latency_ms[0] for point in front], accuracies)
    straight = fitted_line.fit([point.latency_ms[0] for point in front], accuracies)
    of_others = sum(point.measured is None for point in front)
    falls = curve.slope < 0 and curve.r_squared > straight.r_squared
    return judge(
        f"of the {len(front)} networks on the front of accuracy and latency, a hyperbola (accuracy {curve.slope:+.3g} "
        f"points an image per second) explains {_explained(curve)} of the accuracy, a straight line R² "
        f"{straight.r_squared:.3f}; {of_others} of the accuracies are published",
        _numbers(curve) | {"straight line R²": straight.r_squared},
        holds=falls and curve.r_squared_low >= RELIABLE,
        fails=curve.r_squared_high < RELIABLE or (curve.slope > 0 and curve.r_squared_low > 0),
    )


def _figure(evidence: Evidence, edition: str = "2016") -> Figure:
    for framework in reversed(FRAMEWORKS):
        try:
            shown = figure.gather(evidence.rows, framework, edition=edition)
        except HarnessError:
            continue
        if edition == "2016" or sum(point.era == edition for point in shown.timed) >= FEWEST:
            return shown
    raise NotMeasuredError(f"needs `harness run --set {figure.EDITIONS[edition]}`")


def _too_few(number: int, which: str) -> Outcome:
    return Outcome(
        verdict="cannot tell",
        measured=f"{number} network(s) of the figure {which}, {FEWEST} are needed: `harness run --set figure`",
    )


def published(name: str) -> Estimate:
    """The published accuracy of a network with its interval."""
    found = figure.published(catalog.get(name).published)
    if found is None:
        raise NotMeasuredError(f"no published accuracy of {name} is known")
    return _estimate(found)


def _estimate(top1: Top1) -> Estimate:
    """With an interval: where it is not known, half of the last digit that can be read off a chart."""
    if top1.low is None or top1.high is None:
        return Estimate(value=top1.value, low=top1.value - READING, high=top1.value + READING)
    return Estimate(value=top1.value, low=top1.low, high=top1.high)


def times_per_parameter(evidence: Evidence, first: str, second: str) -> Estimate:
    """How many times the second's accuracy per parameter the first's is."""
    found = significance.ratio(published(first), published(second))
    smaller = params(evidence.layers(second)) / params(evidence.layers(first))
    return Estimate(value=smaller * found.value, low=smaller * found.low, high=smaller * found.high)


def _ordered(kind: str, accuracies: Mapping[str, Estimate]) -> Outcome:
    """Accuracies that the paper has in this order: every one significantly above the one before it."""
    steps = {(a, b): significance.difference(accuracies[b], accuracies[a]) for a, b in pairwise(accuracies)}
    unclear = [f"{a} and {b}" for (a, b), step in steps.items() if step.low <= 0 <= step.high]
    reversed_ = [f"{b} below {a}" for (a, b), step in steps.items() if step.high < 0]
    told = f"{kind}: {len(steps) - len(unclear) - len(reversed_)} of {len(steps)} neighbours are significantly in order"
    told += f", too close to tell: {', '.join(unclear)}" if unclear else ""
    told += f", otherwise: {', '.join(reversed_)}" if reversed_ else ""
    numbers = {key: value for name, of in accuracies.items() for key, value in of.numbers(f"{kind} {name}").items()}
    return judge(told, numbers, holds=not unclear and not reversed_, fails=bool(reversed_))


def _explained(line: Line) -> str:
    return f"R² {line.r_squared:.3f} [{line.r_squared_low:.2f}, {line.r_squared_high:.2f}]"


def _numbers(line: Line) -> dict[str, object]:
    found = Estimate(value=line.r_squared, low=line.r_squared_low, high=line.r_squared_high)
    return {**found.numbers("R²"), "R² unseen": line.r_squared_unseen, "slope": line.slope, "intercept": line.intercept}


CLAIMS = (
    Claim(
        number=44,
        lecture=CANZIANI,
        says="VGG is by far the most expensive of the fourteen, in operations and in parameters. (That it is the most "
        "expensive is claim 3; by far is taken as: twice the next.)",
        checks=(by_far("operations", macs), by_far("parameters", params)),
    ),
    Claim(
        number=45,
        lecture=CANZIANI,
        says="ENet's accuracy per parameter is the highest, about 13 times AlexNet's and 24 times VGG-19's. (Published "
        "accuracies, counted parameters; about is taken as: within 5 %.)",
        checks=(accuracy_per_parameter,),
    ),
    Claim(
        number=46,
        lecture=CANZIANI,
        says="The number of operations is a reliable estimate of the inference time. (Taken as: a line explains 80 % "
        "of the variance, R² ≥ 0.8.)",
        checks=(operations_predict_time,),
    ),
    Claim(
        number=47,
        lecture=CANZIANI,
        says="By top-1 accuracy the networks rank from AlexNet, BN-AlexNet, BN-NIN, ENet, GoogLeNet, ResNet-18, VGG-16 "
        "and -19, ResNet-34, -50, -101 and -152 to Inception-v3 and -v4.",
        checks=(published_order, measured_order),
    ),
    Claim(
        number=48,
        lecture=CANZIANI,
        says="Accuracy and inference time are in a hyperbolic relationship: a little more accuracy costs a lot of "
        "time. (Taken as: of the networks on the front, accuracy falls linearly with images a second, R² ≥ 0.8, and "
        "better than it follows time.)",
        checks=(hyperbola,),
    ),
)
