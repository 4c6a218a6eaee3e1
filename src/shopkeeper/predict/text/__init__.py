"""What customers write: sentiment, intent and aspects of reviews, chats and searches."""
