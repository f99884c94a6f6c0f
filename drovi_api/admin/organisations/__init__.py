"""The platform's tenants, as those who run it see them: names and numbers, no content."""
