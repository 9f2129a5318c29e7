"""What people run beside the operator: the doctor, and the commands of `kubectl semantic-router`."""
