"""A machine-learning project: its jobs, and the parts that they are built from.

Layers point down only: ``scripts`` → ``settings`` → ``jobs`` → ``io`` → ``core``.
"""
