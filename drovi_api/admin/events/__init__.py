"""How far the event plane is behind."""
