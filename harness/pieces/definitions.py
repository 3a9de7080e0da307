"""Definitions of the user's own are held against their facts, and against each other, before any work."""

from collections.abc import Collection, Iterable

from harness.frameworks import endings
from harness.networks import catalog
from harness.pieces import bars, carrying_out, plan
from harness.pieces.equivalence import NAMES
from harness.pieces.makers import check
from harness.pieces.request import Request


def check_definitions(requests: Iterable[Request], frameworks: Collection[str] = catalog.FRAMEWORKS) -> None:
    """Check the definitions in these frameworks of every network that is none of the catalogue's.

    Raises :class:`HarnessError` for the first that cannot be built and run, has several outputs, contradicts its facts,
    or gives outputs in another order than its twin.
    """
    networks = [plan.plan_checks(request, frameworks) for request in requests]
    errors = bars.make_pieces([piece for checks in networks for piece in checks])
    for checks in networks:
        if failed := {piece.digest: errors[piece.digest] for piece in checks if piece.digest in errors}:
            raise carrying_out.first_failure(failed)
        endings.check_orders({NAMES[piece.framework]: check.output(piece) for piece in checks})
