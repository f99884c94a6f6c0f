"""Who a person is, before any organisation is known: addresses, passwords, tokens, sessions, and limits on guessing.

Plain functions over a connection of the identity role. What a person may do once they are in an organisation is
``resources.permissions``, what they may see is ``resources.audiences``.
"""
