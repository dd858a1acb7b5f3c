"""Profiling of a Python function over its calls, by a decorator."""
import atexit
import cProfile
import functools
import pstats

__all__ = ["profile"]


class FunctionProfile:
    """A callable that profiles the function it wraps and sums up over the calls.

    Args:
        fn (callable): The function.
        condition (callable): Called with the same arguments; a call is profiled where it answers true. All
            are by default.
        profile_class (type): Profiler with the interface of :class:`cProfile.Profile`.
        print_freq (int): Print after every so many profiled calls; 0: at the end of the process only.
        sort_keys (sequence of str): For :meth:`pstats.Stats.sort_stats`.
        print_restrictions (sequence): For :meth:`pstats.Stats.print_stats`; the first 40 lines by default.
    """

    # A profiler sees everything below the call it runs: another one inside would disturb it.
    profiling = False

    def __init__(self, fn, condition=None, profile_class=cProfile.Profile, print_freq=0, sort_keys=None,
                 print_restrictions=None):
        self.fn = fn
        self.condition = condition or (lambda *args, **kw: True)
        self.profile_class = profile_class
        self.print_freq = print_freq
        self.sort_keys = ("cumulative", "time", "calls") if sort_keys is None else sort_keys
        self.print_restrictions = (40,) if print_restrictions is None else print_restrictions
        self.reset_stats()
        atexit.register(self._print_at_exit)

    def __call__(self, *args, **kw):
        if not self.condition(*args, **kw):
            return self.fn(*args, **kw)
        self.ncalls += 1
        if FunctionProfile.profiling:
            return self.fn(*args, **kw)
        profiler = self.profile_class()
        FunctionProfile.profiling = True
        try:
            return profiler.runcall(self.fn, *args, **kw)
        finally:
            FunctionProfile.profiling = False
            if self.stats is None:
                self.stats = pstats.Stats(profiler)
            else:
                self.stats.add(profiler)
            if self.print_freq and self.ncalls % self.print_freq == 0:
                self.print_stats()

    def reset_stats(self):
        """Start counting anew."""
        self.stats = None
        self.ncalls = 0

    def print_stats(self, reset=True):
        """Print what was measured, if anything was.

        Args:
            reset (bool): Start counting anew.
        """
        if not self.ncalls or self.stats is None:
            return
        code = self.fn.__code__
        print("--- Function Profiling ---")
        print(f'File "{code.co_filename}", line {code.co_firstlineno}, function {self.fn.__name__}')
        self.stats.stream = None   # wherever stdout goes now
        self.stats.sort_stats(*self.sort_keys)
        self.stats.print_stats(*self.print_restrictions)
        print("--------------------------")
        if reset:
            self.reset_stats()

    def _print_at_exit(self):
        try:
            self.print_stats()
        except ValueError:
            pass   # stdout is closed already


def profile(fn=None, condition=None, profile_class=cProfile.Profile, print_freq=0, sort_keys=None,
            print_restrictions=None):
    """Profile a function and print the sums now and then, and at the end of the process::

        @profile(print_freq=100)
        def step(x): ...

    The decorated function has an attribute ``profiler``, the :class:`FunctionProfile` behind it.

    Args:
        fn (callable): The function; without it a decorator is returned.
        condition (callable): Called with the same arguments; a call is profiled where it answers true.
        profile_class (type): Profiler with the interface of :class:`cProfile.Profile`.
        print_freq (int): Print after every so many profiled calls; 0: at the end of the process only.
        sort_keys (sequence of str): For :meth:`pstats.Stats.sort_stats`.
        print_restrictions (sequence): For :meth:`pstats.Stats.print_stats`.

    Returns:
        callable: The function, profiled.
    """
    options = {"condition": condition, "profile_class": profile_class, "print_freq": print_freq, "sort_keys": sort_keys,
               "print_restrictions": print_restrictions}
    if fn is None:
        return lambda function: profile(function, **options)
    profiler = FunctionProfile(fn, **options)

    @functools.wraps(fn)
    def profiled(*args, **kw):
        return profiler(*args, **kw)

    profiled.profiler = profiler
    return profiled
