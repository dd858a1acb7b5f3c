"""The alias for a whole Python environment: ``import nnabla`` and the command ``nnabla_cli``, for any program it runs.

Two files are written into the environment, and nothing else: a ``.pth`` file that puts the stand-ins for nnabla behind
everything installed, so that the real nnabla would go before them; and the command.
"""
import importlib.metadata
import os
import sys
import sysconfig

from ..files.save import replacing

MARK = "made by nnabla-compat alias"
SHIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim")


def _files():
    """Path to content of what the alias consists of."""
    path = os.path.join(sysconfig.get_path("purelib"), "nnabla-compat-alias.pth")
    command = os.path.join(sysconfig.get_path("scripts"), "nnabla_cli")
    start = "import sys; from nnabla_compat.utils.cli.cli import main; sys.exit(main())"
    if os.name == "nt":
        script = f'@rem {MARK}\r\n@"{sys.executable}" -c "{start}" %*\r\n'
        return {path: f"# {MARK}\n{SHIM}\n", command + ".cmd": script}
    return {path: f"# {MARK}\n{SHIM}\n", command: f"#!{sys.executable}\n# {MARK}\n{start}\n"}


def _is_ours(path):
    with open(path, errors="replace") as f:
        return MARK in f.read(1000)


def install():
    """Install the alias in this interpreter's environment; lines that say what was done.

    Raises:
        ValueError: nnabla itself is installed there, or a command nnabla_cli that is not ours.
        OSError: the environment cannot be written to.
    """
    try:
        version = importlib.metadata.version("nnabla")
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        raise ValueError(f"nnabla {version} is installed in {sys.prefix}, whose name is taken. Uninstall it first, or "
                         "run single programs by `nnabla-compat run`.")
    files = _files()
    for path in files:
        if os.path.exists(path) and not _is_ours(path):
            raise ValueError(f"{path} exists and was not made by this command. Remove it first.")
    for path, content in files.items():
        with replacing(path) as f:
            f.write(content.encode())
        if not path.endswith(".pth"):
            os.chmod(path, 0o755)
    return [f"wrote {path}" for path in files]


def remove():
    """Take the alias out again; lines that say what was done."""
    found = [path for path in _files() if os.path.exists(path) and _is_ours(path)]
    for path in found:
        os.unlink(path)
    return [f"removed {path}" for path in found] or ["there is no alias in this environment"]
