"""Deliver: turn approved decisions into messages, once each."""
