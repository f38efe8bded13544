"""What the measurements read from processes and exposition text."""

from __future__ import annotations

import os
import subprocess
import sys

from bench import process
from bench.load import Answers
from bench.scrape import dropped, samples

EXPOSITION = b"""\
# HELP gaugeway_telemetry_dropped_total lost
# TYPE gaugeway_telemetry_dropped_total counter
quoted_total{scope="a \\"b\\", c"} 5.0
gaugeway_telemetry_dropped_total{gaugeway_telemetry_signal="traces",error_type="queue_full",worker="1"} 3.0
gaugeway_telemetry_dropped_total{gaugeway_telemetry_signal="traces",error_type="queue_full",worker="2"} 4.0
gaugeway_telemetry_dropped_total{gaugeway_telemetry_signal="logs",error_type="queue_full"} 0.0
plain 1e3
"""  # noqa: E501


def test_samples_are_read_with_their_labels() -> None:
    assert samples(EXPOSITION)[0] == (
        "quoted_total",
        {"scope": 'a \\"b\\", c'},
        5.0,
    )
    assert samples(EXPOSITION)[-1] == ("plain", {}, 1000.0)


def test_losses_are_added_over_workers_and_none_is_left_out() -> None:
    assert dropped(EXPOSITION) == {"traces: queue_full": 7.0}


def test_cpu_and_memory_include_children() -> None:
    script = "import subprocess, sys; sys.stdout.write('x'); sys.stdout.flush(); "
    script += "subprocess.run(['sleep', '60'])"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read(1)
        while len(members := list(process.family(child.pid))) < 2:
            assert child.poll() is None
        try:
            assert process.cpu_seconds(child.pid) > 0
            whole, own = process.resident_bytes(child.pid), process.resident_bytes(members[1])
            assert whole > own > 0
        finally:
            for member in members[::-1]:
                os.kill(member, 9)


def test_a_percentile_is_one_of_the_answers_and_none_is_zero() -> None:
    answers = Answers(seconds=[0.3, 0.1, 0.2])
    assert answers.percentile(0.5) == 0.2
    assert answers.percentile(0.99) == 0.3
    assert Answers().percentile(0.5) == 0.0
