"""Presenting: what was drawn before stays, what is drawn again lands where it should."""

from __future__ import annotations

import numpy as np
import pytest
from pixels import Draw, assert_close


@pytest.mark.gl
def test_first_row_is_the_top(draw: Draw) -> None:
    from vispy import gloo

    def lower_third() -> None:
        gloo.set_state(scissor_test=True)
        gloo.set_scissor(0, 0, 7, 3)
        gloo.clear(color=(1.0, 0.5, 0.0, 1.0))
        gloo.set_state(scissor_test=False)

    expected = np.zeros((9, 7, 4))
    expected[..., 3] = 1.0
    expected[6:] = (1.0, 0.5, 0.0, 1.0)
    assert_close(draw((7, 9), lower_third), expected, name="first-row-is-the-top")
