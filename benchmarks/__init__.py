"""Measurements: what a quote costs on its way, next to the brokers one could use instead."""
