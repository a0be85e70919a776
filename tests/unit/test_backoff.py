"""When something is tried again that goes on failing."""

from nuvop.backoff import Backoff


def failed(backoff: Backoff, now: float, cause: str = "denied", most: float = 60.0) -> float:
    return backoff.failed(cause, now, first=1.0, most=most)


def test_an_attempt_that_was_due_doubles_the_delay_up_to_the_most() -> None:
    backoff, now, delays = Backoff(), 1000.0, []
    for _ in range(8):
        delays.append(failed(backoff, now))
        now += delays[-1]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]


def test_an_attempt_that_was_not_due_changes_nothing() -> None:
    backoff = Backoff()
    failed(backoff, 1000.0)
    assert failed(backoff, 1001.0) == 2
    assert failed(backoff, 1001.5) == 1.5
    assert failed(backoff, 1002.75) == 0.25
    assert failed(backoff, 1003.0) == 4


def test_each_cause_has_delays_of_its_own() -> None:
    backoff, now = Backoff(), 1000.0
    for _ in range(6):
        now += failed(backoff, now, "away", most=5.0)
    assert failed(backoff, now) == 1
    assert failed(backoff, now + 1, "away", most=5.0) == 5
    assert failed(backoff, now + 1) == 2
