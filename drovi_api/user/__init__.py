"""What a member of an organisation can ask for: one folder a feature, the same file names in each.

``endpoints`` routes and nothing more, ``schemas`` the shapes, ``repository`` the SQL, ``service`` the logic where
there is any.
"""
