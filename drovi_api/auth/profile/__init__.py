"""What a person says about themselves: their name, and the language of their letters."""
