"""What an entry in memory shares with others."""

from semantic_router_proxy.cache.entry import EntryHeader


def _header(number: int) -> EntryHeader:
    def text(name: str) -> str:
        return "".join([name, "-", "of-many"])

    return EntryHeader(
        entry_id=str(number),
        partition=text("partition"),
        exact_key="",
        scope=text("scope"),
        model=text("model"),
        query="",
        semantic=True,
        created_at=0.0,
        expires_at=0.0,
        decision=text("decision"),
    )


def test_equal_texts_of_entries_are_kept_once() -> None:
    one, other = _header(1), _header(2)
    assert one.partition is other.partition
    assert one.scope is other.scope
    assert one.model is other.model
    assert one.decision is other.decision
