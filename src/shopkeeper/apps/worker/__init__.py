"""Background work beside the service: what is due is sent, what is scheduled is run."""
