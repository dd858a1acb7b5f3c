"""The import alias: ``nnabla`` and ``nnabla_ext`` as names of this package.

Under the alias ``nnabla.x`` and ``nnabla_compat.x`` are one module object, executed once. Modules that are already
loaded appear in ``sys.modules`` under both names; the others are found, when somebody imports them, by a finder at the
head of ``sys.meta_path`` that imports the module under its own name and hands that very object out.
"""
import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec

NAMES = {"nnabla": "nnabla_compat", "nnabla_ext": "nnabla_compat.ext"}


def _within(name, root):
    return name == root or name.startswith(root + ".")


class AliasFinder:
    """Finder and loader, as the import system calls them, that gives packages a second name.

    Args:
        names (dict): Alias of a top-level package to the full name of the package meant.
    """

    def __init__(self, names):
        self.names = dict(names)
        self.displaced = {}  # modules that bore an alias before, put back by remove()

    # Finder

    def find_spec(self, name, path=None, target=None):
        real = self.real_name(name)
        if real is None:
            return None
        # No mirror() here: were the name in sys.modules now, the import system would load it once more by its own spec.
        module = sys.modules.get(real)
        if module is None:
            found = importlib.util.find_spec(real)
            if found is None:
                return None
            origin, locations = found.origin, found.submodule_search_locations
        else:
            origin, locations = getattr(module, "__file__", None), getattr(module, "__path__", None)
        spec = ModuleSpec(name, self, origin=origin, is_package=locations is not None)
        if locations is not None:
            spec.submodule_search_locations = list(locations)
        spec.has_location = origin is not None
        return spec

    # Loader. The import system reads sys.modules again after exec_module, so the empty module it made is dropped there
    # and the real one keeps its own __name__, __spec__ and __loader__: reload and pickle go by those.

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__spec__.name
        sys.modules[name] = importlib.import_module(self.real_name(name))
        self.mirror()

    # What runpy, inspect and pkgutil ask a loader for.

    def is_package(self, name):
        return self._real_loader(name).is_package(self.real_name(name))

    def get_code(self, name):
        return self._real_loader(name).get_code(self.real_name(name))

    def get_source(self, name):
        return self._real_loader(name).get_source(self.real_name(name))

    def get_filename(self, name):
        return self._real_loader(name).get_filename(self.real_name(name))

    def _real_loader(self, name):
        return importlib.util.find_spec(self.real_name(name)).loader

    # State

    def real_name(self, name):
        """The name behind an alias; None if ``name`` is none."""
        for alias, real in self.names.items():
            if _within(name, alias):
                return real + name[len(alias):]
        return None

    def mirror(self):
        """Enter every module loaded so far under its alias.

        The import system sets a module it finds as an attribute of its package, which must not happen again after the
        package has bound that attribute to something else, as nnabla does with ``logger`` and ``grad``.
        """
        for name, module in list(sys.modules.items()):
            for alias, real in self.names.items():
                if _within(name, real):
                    sys.modules[alias + name[len(real):]] = module

    def foreign(self):
        """Names of loaded modules that bear an alias and are not ours."""
        return [name for name, module in list(sys.modules.items())
                if self.real_name(name) and sys.modules.get(self.real_name(name)) is not module]

    def insert(self):
        for name in self.foreign():
            self.displaced[name] = sys.modules.pop(name)
        sys.meta_path.insert(0, self)
        self.mirror()

    def remove(self):
        sys.meta_path.remove(self)
        for name in [name for name in sys.modules if self.real_name(name)]:
            del sys.modules[name]
        sys.modules.update(self.displaced)
        self.displaced = {}


def _installed():
    # By what it does and not by class, so that a reload of this module finds the finder it made before.
    return next((finder for finder in sys.meta_path if getattr(finder, "names", None) == NAMES), None)


def install(force=False):
    """Make ``import nnabla`` and ``import nnabla_ext`` give this package, in this process, from now on.

    Every module of it is reachable under both names and is the same object under both. Calling it again does nothing.

    Args:
        force (bool): Take the name also where another nnabla is imported already. Code that imported that one before
            keeps it; the two do not understand each other's variables.

    Raises:
        RuntimeError: another nnabla is imported already and ``force`` is False.
    """
    if _installed():
        return
    finder = AliasFinder(NAMES)
    foreign = finder.foreign()
    if foreign and not force:
        first = min(foreign, key=len)
        other = sys.modules[first]
        where = getattr(other, "__file__", None) or "an unknown place"
        raise RuntimeError(
            f"nnabla_compat.install: expected that nnabla is not imported yet, found {first} "
            f"{getattr(other, '__version__', '')} from {where}. Call install() before the first import of nnabla, or run "
            f"the script by `python -m nnabla_compat run`, or pass force=True: imports from now on then give "
            f"nnabla_compat, and code that has the other nnabla keeps it.")
    finder.insert()


def uninstall():
    """Undo :func:`install`: the names mean again what they meant before. Does nothing when not installed."""
    finder = _installed()
    if finder:
        finder.remove()
