"""The asv suite: what networks cost, how exactly their twins agree, and how long things take.

It is run against the harness of any commit, so it imports what is public alone, inside functions (what an older one
lacks fails where it is used, and nowhere else) and its parameters are written out: asv hands a benchmark the
number of a parameter, and a list that a commit made itself would give that number another meaning. A
``version`` is raised when a figure comes to mean something else, and its history then begins anew.
"""
