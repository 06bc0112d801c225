"""Import the stages before pytest collects any file of theirs.

``loki.stages`` binds functions over the submodules of the same names. pytest imports a file that it
collects doctests from on its own where the module is not loaded yet, and then binds the module
again: ``from loki.stages import resolve`` would depend on which files pytest was given.
"""

import loki.stages  # noqa: F401
