"""Pure functions on numbers. No input or output, no clock; randomness is passed in."""
