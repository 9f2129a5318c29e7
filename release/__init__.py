"""What a release needs: checks, the list of licences and the bill of materials of an image."""
