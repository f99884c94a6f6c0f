"""What the organisation allows."""
