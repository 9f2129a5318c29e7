"""`semantic-router demo`: a CR file run on this machine, with real questions and honest numbers."""
