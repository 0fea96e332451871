"""The trading program. The way of data, module by module: see docs/architecture.md."""

VERSION = "0.1.0"
