"""The exchange's order book service, behind one Protocol."""
