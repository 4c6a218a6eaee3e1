"""What a visitor is about to do: next action, next category, purchase in session, time to it."""
