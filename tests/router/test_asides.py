"""What befell arms beside the questions is met at its place, and an arm is another only when it truly is."""

from router.asides import Aside, Asides, Revisions


def asides(*all_: Aside) -> Asides:
    """These in turn."""
    found = Asides()
    for aside in all_:
        found.add(aside)
    return found


def test_each_is_met_once_when_its_place_is_reached() -> None:
    first, second, third = Aside(0, 1, 0.5, 1.0), Aside(3, 1), Aside(3, 2, 1.0, 1.0)
    found = asides(first, second, third)
    assert list(found.until(0)) == [first]
    assert list(found.until(2)) == []
    assert list(found.until(9)) == [second, third]
    assert list(found.until(9)) == []


def test_going_back_meets_the_later_ones_again_and_tells_the_earlier_judgements() -> None:
    before, later = Aside(1, 0, 0.5, 1.0), Aside(4, 0, 0.25, 1.0)
    found = asides(before, later)
    list(found.until(9))
    assert found.back(4) == [before]
    assert list(found.until(9)) == [later]


def test_judgements_of_an_arm_from_before_it_became_another_are_not_told_any_more() -> None:
    old, other, new = Aside(1, 0, 1.0, 1.0), Aside(1, 7, 1.0, 1.0), Aside(3, 0, 0.5, 1.0)
    assert sorted(asides(old, other, Aside(2, 0), new).back(9), key=lambda one: one.column) == [new, other]
    assert asides(old, other, Aside(9, 0)).back(9) == [old, other]


def test_an_arm_is_another_when_it_is_judged_in_a_revision_never_met() -> None:
    revisions = Revisions()
    assert [revisions.judged(0, one) for one in ("", "a", "a", "", "b", "b")] == [False] * 4 + [True, False]
    assert not revisions.judged(1, "b")


def test_a_judgement_of_an_older_answer_comes_late_and_is_no_change() -> None:
    revisions = Revisions()
    revisions.judged(0, "a")
    assert revisions.offered(0, "b")
    assert not revisions.judged(0, "a")
    assert not revisions.offered(0, "b")


def test_an_arm_is_another_when_it_is_offered_so_even_as_one_it_was_before() -> None:
    revisions = Revisions()
    found = [revisions.offered(0, one) for one in ("", "a", "", "b", "b", "a")]
    assert found == [False, False, False, True, False, True]


def test_an_arm_offered_as_what_it_was_judged_last_is_no_other() -> None:
    revisions = Revisions()
    for one in ("a", "b", "a"):  # rolled back; then the log is read at a start
        revisions.judged(0, one)
    assert not revisions.offered(0, "a")
    assert revisions.offered(0, "b")
