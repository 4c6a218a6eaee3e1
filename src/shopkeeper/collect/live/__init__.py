"""Live events: what arrives over HTTP or a webhook, from the door to rows of the lake."""
