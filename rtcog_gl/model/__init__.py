"""What a session is and what it should look like: numpy and the standard library only."""
