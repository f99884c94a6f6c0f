"""What asks for background work by the clock."""
