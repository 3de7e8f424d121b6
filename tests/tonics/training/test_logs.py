import json
from pathlib import Path

import pytest

from tonics.training.logs import JsonLines, MetricsLogger

RECORDS = [{"step": step, "accuracy": {"dog": step / 10}, "name": "ü"} for step in range(6)]


@pytest.fixture
def lines(tmp_path: Path) -> JsonLines:
    lines = JsonLines(tmp_path / "log.jsonl")
    lines.write(*RECORDS[:4])
    lines.write(*RECORDS[4:])
    return lines


def test_records_come_back_one_a_line(lines: JsonLines) -> None:
    assert lines.read() == RECORDS
    assert [json.loads(line) for line in lines.path.read_text().splitlines()] == RECORDS


def test_no_file_is_no_records(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "log.jsonl")
    lines.cut(3)
    assert lines.read() == [] and not lines.path.exists()
    lines.write()
    assert lines.read() == []


@pytest.mark.parametrize("step", range(8))
def test_cutting_drops_a_step_and_what_follows(lines: JsonLines, step: int) -> None:
    lines.cut(step)
    assert lines.read() == RECORDS[:step]
    lines.write({"step": step})
    assert lines.read() == [*RECORDS[:step], {"step": step}]


def test_a_line_cut_short_anywhere_is_dropped(tmp_path: Path) -> None:
    last = json.dumps({"step": 6, "opened": [], "accuracy": {"dog": 0.5}, "more": {"a": {}}})
    whole = "".join(json.dumps(record) + "\n" for record in RECORDS)
    lines = JsonLines(tmp_path / "log.jsonl")
    for length in range(len(last)):
        lines.path.write_text(whole + last[:length])
        lines.cut(7)
        assert lines.read() == RECORDS
        lines.write({"step": 6})
        assert lines.read() == [*RECORDS, {"step": 6}]


def test_records_of_a_step_may_be_several_and_out_of_order(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "log.jsonl")
    lines.write({"step": 1}, {"step": 3, "a": 1}, {"step": 2}, {"step": 3, "a": 2}, {"step": 2})
    lines.cut(3)
    assert lines.read() == [{"step": 1}, {"step": 2}, {"step": 2}]


def test_metrics_are_lines_with_their_step(tmp_path: Path) -> None:
    logger = MetricsLogger(tmp_path)
    logger.log_metrics({"loss": 0.5, "dev/R@1": 12.0}, step=7)
    logger.log_metrics({"loss": 0.25}, step=None)
    expected = [{"step": 7, "loss": 0.5, "dev/R@1": 12.0}, {"step": 0, "loss": 0.25}]
    assert JsonLines(tmp_path / "metrics.jsonl").read() == expected
    assert logger.log_dir == logger.save_dir == str(tmp_path)
    logger.log_hyperparams({"anything": object()})
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]
