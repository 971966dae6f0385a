"""Tests against a real STAC API and a real web server (`make servers`)."""
