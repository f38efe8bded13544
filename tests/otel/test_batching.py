"""The queue between the application and an exporter."""

from collections.abc import Sequence

from otel.bootstrap.batching import BatchQueue


def test_batches_are_small_after_a_failure_until_one_is_delivered() -> None:
    sizes: list[int] = []

    def send(batch: Sequence[int]) -> int:
        sizes.append(len(batch))
        return 0 if len(sizes) > 2 else len(batch)

    queue = BatchQueue[int]("test", send, limit=1000, batch=200, delay=60)
    for number in range(1000):
        queue.put(number)
    assert queue.flush(10)
    queue.stop()
    assert sizes[:3] == [200, 32, 32]
    assert sizes[3] == 200
    assert sum(sizes) == 1000
    assert queue.dropped["export_failed"] == 232
