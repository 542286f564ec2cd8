"""What the demo, the end-to-end tests and the benchmarks share: real servers, a real machine, one place to clean up."""
