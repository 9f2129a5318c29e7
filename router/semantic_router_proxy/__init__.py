"""The router: an OpenAI-compatible proxy that routes by meaning and answers repeated questions from its cache."""
