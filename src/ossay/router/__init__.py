"""Which model answers: policies calibrated on what was measured. No HTTP, no files, no clock."""
