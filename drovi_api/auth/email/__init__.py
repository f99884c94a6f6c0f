"""Another e-mail address for an account: proven by a letter that went there, like the first."""
