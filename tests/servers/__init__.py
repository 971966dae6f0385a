"""Servers on loopback that stand in for the services. The real clients run against them unmodified."""
