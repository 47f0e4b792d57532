"""The package mock, which became a part of Python: tests of old packs import it under its own name."""

import sys
import unittest.mock

sys.modules[__name__] = unittest.mock
