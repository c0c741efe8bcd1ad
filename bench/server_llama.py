"""llama.cpp's own HTTP server, as xllamacpp ships it, in a process of its own.

    python server_llama.py MODEL.gguf SLOTS THREADS CONTEXT

Loads with the settings of `llamacpp/…`, prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import sys

import xllamacpp


def main() -> None:
    path, slots, threads, context = sys.argv[1], *map(int, sys.argv[2:5])
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = context * slots
    params.n_parallel = slots
    params.n_batch = params.n_ubatch = 512
    params.use_jinja = True
    params.verbosity = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = params.endpoint_slots = False
    server = xllamacpp.Server(params)
    print(server.listening_address.rpartition(":")[2].strip("/"), flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
