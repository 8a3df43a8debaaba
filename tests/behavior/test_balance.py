"""What went in and what became of it is the same amount, or the program says so."""

import pytest

from behavior.balance import Balance


def test_a_balance_says_what_became_of_everything():
    balance = Balance("recordings", 1008, {"accepted": 1006, "quarantined": 1, "excluded": 1})
    assert str(balance) == "recordings: 1,008 in = 1,006 accepted + 1 quarantined + 1 excluded"


def test_what_got_lost_or_doubled_is_told():
    with pytest.raises(RuntimeError, match=r"Expected files: 3 in = 1 accepted \+ 1 quarantined to add up, but got 2"):
        Balance("files", 3, {"accepted": 1, "quarantined": 1})
    with pytest.raises(RuntimeError, match="but got 4"):
        Balance("files", 3, {"accepted": 2, "quarantined": 2})
