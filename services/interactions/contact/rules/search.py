"""The words of a search of texts."""

MAX_SEARCHED_WORDS = 10


def prefix_query(text: str) -> str | None:
    """Return a query of PostgreSQL's full-text search: every word, each as the beginning of a word.

    None if the text has no word.
    """
    words = text.split()[:MAX_SEARCHED_WORDS]
    # A quoted text is parsed like the texts that are searched, so an address or an order number is found as well.
    quoted = (
        "'" + word.replace("\\", "\\\\").replace("'", "''") + "':*" for word in words if any(map(str.isalnum, word))
    )
    return " & ".join(quoted) or None
