"""The operator: makes one SemanticRouter resource into a running gateway and keeps it true."""
