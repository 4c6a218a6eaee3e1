"""Response and request shapes of the HTTP API, one module per stage."""
