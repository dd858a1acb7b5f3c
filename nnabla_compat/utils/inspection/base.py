"""What all watchers offer."""


class FunctionHookCallbackBase:
    """Two properties to pass as hooks of ``forward`` and ``backward``; None where a watcher needs no call."""

    @property
    def pre_hook(self):
        """Callable for ``function_pre_hook``."""
        raise NotImplementedError(f"{type(self).__name__} defines no pre_hook")

    @property
    def post_hook(self):
        """Callable for ``function_post_hook``."""
        raise NotImplementedError(f"{type(self).__name__} defines no post_hook")
