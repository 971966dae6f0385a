"""Tests of the ways in: command line and daemon."""
