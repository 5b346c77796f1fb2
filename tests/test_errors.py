"""An error says what was wrong and what would have been right."""

import doctest

from salt_lib import errors
from salt_lib.errors import SaltError, unknown


def test_an_unknown_name_lists_the_known_ones():
    error = unknown("language", "xx", ["de", "en"])
    assert isinstance(error, SaltError)
    assert str(error) == "unknown language 'xx'; known: de, en"
    assert str(unknown("seed", 3, range(2))) == "unknown seed 3; known: 0, 1"
    assert doctest.testmod(errors).failed == 0


def test_it_is_an_error_of_its_own_kind():
    assert issubclass(SaltError, Exception) and not issubclass(SaltError, (ValueError, OSError))
