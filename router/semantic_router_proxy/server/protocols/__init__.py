"""The protocols that clients speak, each with its whole form and its streamed form."""
