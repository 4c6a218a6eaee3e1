"""The door: the bare ASGI application through which live events and hot reads pass."""
