"""What several tests need: real processes, the simulator, ports."""
