"""Data that tests, benchmarks and the demo make for themselves."""
