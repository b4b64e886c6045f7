"""Threads that the system refuses: an error that says so, or the work is done without one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fastinet.base.threads import start_thread, submitted
from fastinet.errors import ReadError


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the next threads are refused, in order; those behind are not."""
    answers: list[bool] = []
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if answers and answers.pop(0):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    return answers


def test_a_thread_is_started_or_refused(refused: list[bool]) -> None:
    done = threading.Event()
    start_thread(threading.Thread(target=done.set), "read the stream")
    assert done.wait(60)
    refused.append(True)
    with pytest.raises(ReadError, match=r"refuses a thread to read the stream: .*ulimit -u"):
        start_thread(threading.Thread(target=done.set), "read the stream")


@pytest.mark.parametrize("answers", [[], [True], [False, True], [True, True, True, True]])
def test_work_is_done_once_whatever_is_refused(answers: list[bool], refused: list[bool]) -> None:
    refused += answers
    done: list[int] = []

    def work(number: int) -> int:
        done.append(number)
        return 2 * number

    with ThreadPoolExecutor(3) as executor:
        made = [submitted(executor, work, number) for number in range(4)]
        assert [each.result() for each in made] == [0, 2, 4, 6]
    assert sorted(done) == [0, 1, 2, 3]


def test_what_the_work_raises_is_in_its_result(refused: list[bool]) -> None:
    refused.append(True)
    with ThreadPoolExecutor(1) as executor:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                submitted(executor, divmod, 1, 0).result()
