"""The data of a training program."""
from ...utils.data_iterator import data_iterator
from ...utils.data_source import DataSource


class Data:
    """A data source and an iterator over it; subclass to say which.

    A subclass defines :class:`CustomDataSource`, or overrides the two methods below that make source and iterator.
    """

    class CustomDataSource(DataSource):
        """To be defined by the subclass, with ``_get_data``, ``shuffle`` and ``_size``."""

    def __data_source__(self):
        """Make the data source."""
        return self.CustomDataSource()

    def __data_iterator__(self, data_source):
        """Make the iterator. Override it: an iterator needs a batch size."""
        return data_iterator(data_source)

    def __init__(self):
        self._data_source = self.__data_source__()
        self._data_iterator = self.__data_iterator__(self._data_source)

    def reset(self):
        """Begin anew; for the subclass."""

    def next(self):
        """The next batch; for the subclass."""

    def size(self):
        """Number of samples; for the subclass."""
