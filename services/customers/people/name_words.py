"""Name words: the vocabulary of a tenant's names, in which a search finds the words that are similar to its own.

Customers share words, so a change of a name does not remove its former words. This task does, also after an erasure.
"""

from datetime import timedelta

from chassis import Feature, Query, Work

feature = Feature("name-words")

BATCH_SIZE = 1_000


@feature.periodic(every=timedelta(hours=1))
async def remove_unused_words(work: Work) -> bool:
    """Remove a batch of words that no name contains. Returns whether there may be more."""
    return await work.fetch_row(_REMOVE_UNUSED_WORDS, most=BATCH_SIZE) == BATCH_SIZE


_REMOVE_UNUSED_WORDS = Query(int, "select remove_unused_words(:most)")
