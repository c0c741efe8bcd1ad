"""Our gateway without its decision log, for which `ossay gateway` has no switch.

    python gateway_unlogged.py http://127.0.0.1:9000/v1

Prints JSON with the port, as `ossay gateway --json` does.
"""

from __future__ import annotations

import json
import os
import sys
import time

import uvloop

from ossay.core.chance import Unforeseen
from ossay.gateway.app import App
from ossay.gateway.house import House, Lane
from ossay.gateway.keyring import Keyring
from ossay.gateway.options import Options
from ossay.models.clock import SystemClock
from ossay.models.endpoint import Endpoint
from ossay.models.providers import Provider
from ossay.router.breaker import Breaker
from ossay.router.detectors import all_detectors
from ossay.router.route import Route
from ossay.router.router import Router
from ossay.router.stage import Upstream
from ossay.router.work import Parts
from ossay.server.garbage import settle
from ossay.server.serve import bind, serve


def main() -> None:
    provider, rng = Provider(sys.argv[1]), Unforeseen()
    model = Upstream(Endpoint("instant/instant", provider), Breaker(time.monotonic))
    parts = Parts(
        Route("support"),
        model,
        [model],
        clock=SystemClock(),
        rng=rng,
        detectors=all_detectors(),
    )
    lanes = {"support": Lane("support", Router(parts))}
    app = App(House(lanes, "support", Keyring((), time.monotonic), Options(), rng=rng))
    bound = bind("127.0.0.1", 0)

    def ready() -> None:
        print(json.dumps({"port": bound.getsockname()[1], "pid": os.getpid()}), flush=True)

    settle()
    uvloop.run(serve(app, bound, drain_s=2.0, ready=ready))


if __name__ == "__main__":
    main()
