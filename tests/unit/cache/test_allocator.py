"""Giving memory back to the system."""

from semantic_router_proxy.cache.index.allocator import give_back


def test_memory_in_use_stays_as_it_is() -> None:
    held = [bytes([number % 256]) * 5000 for number in range(2000)]
    dropped = [bytes(5000) for _ in range(2000)]
    del dropped
    give_back()
    assert all(block == bytes([number % 256]) * 5000 for number, block in enumerate(held))
