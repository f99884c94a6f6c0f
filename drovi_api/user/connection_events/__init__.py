"""What happens to connections, as it happens."""
