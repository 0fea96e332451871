"""What all benchmarks share: load, processes, clocks, statistics, and the report."""
