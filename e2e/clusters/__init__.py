"""The cluster that the tests run on: kind where there is Docker, else a node of our own, else one that exists."""
