"""Errors as a person reads them, and the exit code that each stands for."""

from __future__ import annotations

import pytest

from costgate.errors import CostgateError, InputError, Problem, WorldError


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        pytest.param(Problem(message="no such tier"), "no such tier", id="a message alone"),
        pytest.param(Problem(message="no such tier", where="a.yml:3:5"), "a.yml:3:5: no such tier", id="with a place"),
        pytest.param(
            Problem(message="no such tier", help="name one"), "no such tier\nhelp: name one", id="with a way out"
        ),
        pytest.param(
            Problem(message="no such tier", where="a.yml:3:5", help="name one"),
            "a.yml:3:5: no such tier\nhelp: name one",
            id="with both",
        ),
    ],
)
def test_a_problem_reads_as_one_or_two_lines(problem: Problem, text: str) -> None:
    assert str(problem) == text


@pytest.mark.parametrize(("kind", "code"), [(InputError, 2), (WorldError, 3), (CostgateError, 4)])
def test_each_kind_has_its_exit_code(kind: type[CostgateError], code: int) -> None:
    assert kind("x").exit_code == code
    with pytest.raises(CostgateError):
        raise kind("x")


def test_an_error_of_one_problem() -> None:
    error = InputError("no such tier", where="a.yml:3:5", help="name one")
    assert error.problems == (Problem(message="no such tier", where="a.yml:3:5", help="name one"),)
    assert str(error) == str(error.problems[0])


def test_an_error_of_several_problems_shows_all_in_order() -> None:
    problems = [Problem(message="second"), Problem(message="first", help="stop")]
    error = InputError(problems=iter(problems))
    assert error.problems == tuple(problems)
    assert str(error) == "second\nfirst\nhelp: stop"


def test_an_error_without_words_still_has_a_problem() -> None:
    assert CostgateError().problems == (Problem(message=""),)
    assert InputError(problems=()).problems == (Problem(message=""),)
