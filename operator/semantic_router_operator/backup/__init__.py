"""What a backup is: its configuration, name, catalogue, choice and retention. Pure."""
