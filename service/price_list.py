"""One dated price list of two sources: the operator's own file, and behind it the price book."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from service.price_book import Entry, PriceBook
from service.price_file import NO_FILE, FileEntry, Names, PriceFile
from service.price_file_schema import Discount
from service.price_quote import Context, Listing, Quote


@dataclass(frozen=True, slots=True)
class Offer:
    """A model's prices, and the discount on them that counts on that day."""

    listing: Listing
    discount: Discount | None = None

    def quote(self, at: datetime, context: Context | None = None) -> Quote:
        """What the model costs at a moment (aware)."""
        quote = self.listing.quote(at, context)
        if self.discount is None:
            return quote
        return quote.less(self.discount.percent, self.discount.source or "the price file")


@dataclass(frozen=True, slots=True)
class PriceList:
    """Whose price counts: the file's, else the book's less the file's discount."""

    book: PriceBook = field(default_factory=PriceBook)
    file: PriceFile = NO_FILE

    def find(
        self,
        provider: str,
        model: str,
        base_url: str | None,
        at: datetime,
        asked: str | None = None,
    ) -> Offer | None:
        """What is offered for a model on that day; None where neither source has it.

        The file's entries may also be for the name by which it was `asked` for: providers answer
        with names that its author need not know.
        """
        names = (model,) if asked is None else (model, asked)
        own = self.file.find(provider, names, at)
        if own is not None:
            return Offer(own)
        return self._offered(self.book.find(provider, model, base_url), provider, names, at)

    def named(self, provider: str, model: str, at: datetime) -> Offer | None:
        """The same for the very names that the sources use."""
        own = self.file.find(provider, (model,), at)
        if own is not None:
            return Offer(own)
        return self._offered(self.book.entry(provider, model), provider, (model,), at)

    def _offered(
        self, listed: Entry | None, provider: str, names: Names, at: datetime
    ) -> Offer | None:
        if listed is None:
            return None
        return Offer(listed, self.file.discount(provider, names, at))

    def of(self, provider: str, model: str) -> Iterator[Listing]:
        """All that any day's price of a model may come from."""
        yield from self.file.all_of(provider, model)
        listed = self.book.entry(provider, model)
        if listed is not None:
            yield listed

    def __iter__(self) -> Iterator[FileEntry | Entry]:
        yield from self.file.models
        yield from self.book
