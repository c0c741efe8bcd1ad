"""Where what a model wrote is run: bubblewrap, docker, or (only on --trust-local) nothing at all."""
