"""What the routes ask of the ports: one function per endpoint, one module per stage."""
