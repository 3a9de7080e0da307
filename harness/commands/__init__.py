"""The sub-commands: each file has ``add_arguments(parser)`` and ``main(args) -> exit code``.

Its docstring is its help.
"""
