"""`manyhands check`: what in a user's training would not compare fairly between one worker and two."""
