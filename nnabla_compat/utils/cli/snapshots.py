"""What a training leaves behind: ``results.nnp``, ``results_current_<epoch>.nnp``, and how to go on from them."""
import glob
import io
import os
import time
import zipfile

from ... import parameter
from ...config import nnabla_config
from ...files import h5_parameters, network_files, protobuf_parameters
from ...files.archive import members
from ...files.save import replacing
from ...logger import logger
from ...optimization import states_file
from .. import callback
from ..load import restore_optimizer_state
from ..nnp_format import nnp_version

TEXT = (".nntxt", ".prototxt")


class Snapshots:
    """Writes archives of the network description, the parameters as they are now, and states of the solvers.

    Args:
        args: Of the train command: ``config`` and ``outdir``.
        info (Info): What was loaded from the configuration.
    """

    def __init__(self, args, info):
        self.args, self.info = args, info
        self.saved = {}  # suffix to the epoch and time of the last one
        self.name, self.text = self._description()
        self.states_interval = int(nnabla_config.get("CHECKPOINT", "optimizer_interval"))

    def _description(self):
        config = self.args.config
        extension = os.path.splitext(config)[1]
        if extension in TEXT:
            with open(config, "rb") as f:
                return os.path.basename(config), f.read()
        if extension == ".nnp":
            found = [(os.path.basename(name), file.read()) for name, _, file in members(config, TEXT)]
            if found:
                name, text = found[-1]
                with replacing(os.path.join(self.args.outdir, name)) as f:
                    f.write(text)
                return name, text
        return "network.nntxt", network_files.to_text(self.info.proto).encode()

    def save(self, suffix, epoch, force=False):
        """Save, unless there has been one a short time ago.

        Args:
            suffix (str): ``"best"`` or None for ``results.nnp``; ``"current"`` replaces the one of an earlier epoch.
            epoch (int): Epochs done.
            force (bool): Save in any case.
        """
        last_epoch, last_time = self.saved.get(suffix, (0, 0))
        base = callback.result_base(self._base(f"_{suffix}_{epoch}"), suffix, self.args.outdir)
        if base is None:
            base = self._base("" if suffix in (None, "best") else f"_{suffix}_{epoch}")
        path = base + ".nnp"
        now = time.time()
        if not force and (os.path.exists(path) or (now - last_time <= 180 and epoch - last_epoch <= 10)):
            return
        with replacing(path) as f:
            self._write(f, epoch)
        for earlier in glob.glob(glob.escape(self._base(f"_{suffix}_")) + "*.nnp"):
            if os.path.abspath(earlier) != os.path.abspath(path):
                os.unlink(earlier)
        self.saved[suffix] = epoch, now
        callback.save_train_snapshot()

    def _base(self, suffix):
        return os.path.join(self.args.outdir, "results" + suffix)

    def _write(self, f, epoch):
        extension = nnabla_config.get("MISC", "nnp_param_format")
        form = protobuf_parameters if extension == ".protobuf" else h5_parameters
        with zipfile.ZipFile(f, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("nnp_version.txt", f"{nnp_version()}\n")
            archive.writestr(self.name, self.text)
            part = io.BytesIO()
            form.write(part, parameter.get_parameters(grad_only=False))
            archive.writestr(f"parameter{extension}", part.getbuffer())
            if epoch % self.states_interval == 0:
                for optimizer in self.info.optimizers.values():
                    part = io.BytesIO()
                    states_file.write_h5(part, optimizer.solver._records())
                    kind = optimizer.solver.name.removesuffix("Cuda")
                    archive.writestr(f"{optimizer.name}_{kind}_optimizer.h5.optimizer", part.getbuffer())


def load_train_state(filename, info):
    """Load parameters, and the states of solvers where the file has them, into a training.

    Args:
        filename (str): ``.nnp``, ``.h5`` or ``.protobuf``.
        info (Info): The training.
    """
    contents = network_files.read(filename)
    parameter.apply_records(contents.records)
    for name, optimizer in info.optimizers.items():
        if name in contents.states:
            optimizer.solver_checkpoint = contents.states[name]
            restore_optimizer_state(optimizer)
    logger.info("Load training resume states: %s", filename)


def resume(args, info):
    """Load the latest ``results_current_<epoch>.nnp``; returns its epoch, 0 if there is none."""
    found = {}
    for path in glob.glob(os.path.join(glob.escape(args.outdir), "results_current_*.nnp")):
        epoch = os.path.basename(path)[len("results_current_"):-len(".nnp")]
        if epoch.isdecimal():
            found[int(epoch)] = path
    if not found:
        return 0
    epoch = max(found)
    logger.log(99, "Load parameter from [%s]", os.path.basename(found[epoch]))
    load_train_state(found[epoch], info)
    return epoch
