"""Edges: command line, service, flows, benches. The only layer that may import everything."""
