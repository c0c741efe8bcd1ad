"""Where what a model wrote is run: bubblewrap, docker, or on --trust-local nothing at all."""
