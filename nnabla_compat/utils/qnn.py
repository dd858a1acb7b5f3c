"""Quantization-aware training.

A :class:`QATScheduler` turns a network in place: at one step recorders are put in that note ranges of values, at a
later one they give way to (simulated) 8-bit quantization with these ranges, and training goes on.
"""
from enum import Enum

import numpy as np
import torch

from ..context import get_current_context
from ..experimental import graph_converters as GC
from ..function import PythonFunction
from ..initializer import ConstantInitializer
from ..logger import logger
from ..parameter import get_parameter, get_parameter_or_create, get_parameters

_ROUND = {"CEIL": np.ceil, "ROUND": np.round, "FLOOR": np.floor, "NOTROUND": None}
_RANGE = (-128, 127)   # of 8 bits


class _Recorder(PythonFunction):
    """Gives its data on unchanged (and gradients back unchanged), and updates the recorded range by it."""

    limits = 1   # inputs after the data: upper limit, or lower and upper

    def __init__(self, ctx, training=True):
        super().__init__(ctx)
        self.training = training

    @property
    def name(self):
        return type(self).__name__

    def min_outputs(self):
        return 1

    def grad_depends_output_data(self, i, o):
        return False

    def grad_depends_input_data(self, i, j):
        return False

    def setup_impl(self, inputs, outputs):
        x, *limits = inputs
        assert len(limits) == self.limits, (f"{self.name}: expected data and {self.limits} limit(s) as inputs, "
                                            f"received {len(inputs)} inputs")
        for limit in limits:
            assert limit.ndim == x.ndim and limit.size == 1, (
                f"{self.name}: expected limits of one element with {x.ndim} axes, as the data has, received shape "
                f"{limit.shape}")
        outputs[0].reset_shape(x.shape, True)

    def forward_impl(self, inputs, outputs):
        x, *limits = [port.data.tensor for port in inputs]
        outputs[0].data.set_tensor(x)
        if self.training:
            for limit, value in zip(limits, self.updated(x.detach(), *[v.detach() for v in limits])):
                limit.data.copy_(value.reshape(limit.shape))   # .data: the limits are no part of the gradient

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        if propagate_down[0]:
            dy = outputs[0].grad.tensor
            inputs[0].grad.set_tensor(inputs[0].grad.tensor + dy if accum[0] else dy)

    def updated(self, x, *limits):
        """New limits for data and old ones."""
        raise NotImplementedError


class _MovingRecorder(_Recorder):
    def __init__(self, ctx, decay=0.99, training=True):
        super().__init__(ctx, training)
        self.decay = decay

    def _moved(self, old, new):
        return self.decay * old + (1 - self.decay) * new


class MinMaxMinMaxRecorder(_Recorder):
    """Records the smallest and the largest value ever. Inputs: data, minimum, maximum."""

    limits = 2

    def updated(self, x, low, high):
        return torch.minimum(low, x.min()), torch.maximum(high, x.max())


class MinMaxMvaRecorder(_MovingRecorder):
    """Records moving averages of the smallest and the largest value. Inputs: data, minimum, maximum."""

    limits = 2

    def updated(self, x, low, high):
        return self._moved(low, x.min()), self._moved(high, x.max())


class AbsMaxRecorder(_Recorder):
    """Records the largest absolute value ever. Inputs: data, maximum."""

    def updated(self, x, high):
        return (torch.maximum(high, x.abs().max()),)


class MaxMaxRecorder(_Recorder):
    """Records the largest value ever. Inputs: data, maximum."""

    def updated(self, x, high):
        return (torch.maximum(high, x.max()),)


class MaxMvaRecorder(_MovingRecorder):
    """Records a moving average of the largest value. Inputs: data, maximum."""

    def updated(self, x, high):
        return (self._moved(high, x.max()),)


def minmax_minmax_recorder(x, m, M, training=True):
    """``x``, recorded by :class:`MinMaxMinMaxRecorder` into ``m`` and ``M``."""
    return MinMaxMinMaxRecorder(get_current_context(), training)(x, m, M)


def minmax_mva_recorder(x, m, M, decay=0.99, training=True):
    """``x``, recorded by :class:`MinMaxMvaRecorder` into ``m`` and ``M``."""
    return MinMaxMvaRecorder(get_current_context(), decay, training)(x, m, M)


def abs_max_recorder(x, M, training=True):
    """``x``, recorded by :class:`AbsMaxRecorder` into ``M``."""
    return AbsMaxRecorder(get_current_context(), training)(x, M)


def max_max_recorder(x, M, training=True):
    """``x``, recorded by :class:`MaxMaxRecorder` into ``M``."""
    return MaxMaxRecorder(get_current_context(), training)(x, M)


def max_mva_recorder(x, M, decay=0.99, training=True):
    """``x``, recorded by :class:`MaxMvaRecorder` into ``M``."""
    return MaxMvaRecorder(get_current_context(), decay, training)(x, M)


class _RecorderCallback:
    """Makes recorders with their parameters, and scales from what those recorded.

    Called with data it returns the recorder's output; limits are parameters of one element, ``m-<name>`` and
    ``M-<name>``, in the current scope.
    """

    _function = None
    _letters = "M"

    def name(self):
        """Type name of the recorder functions."""
        return type(self).__name__[:-len("Callback")]

    def __call__(self, x, axes=[1], training=True, name=""):
        limits = [get_parameter_or_create(f"{letter}-{name}", [1] * x.ndim, ConstantInitializer())
                  for letter in self._letters]
        return type(self)._function(x, *limits, training=training)


def _range_of(letters, x, narrow_range, round_method, name):
    """Scale and zero point as parameters ``scale-<name>``, ``zeropoint-<name>``; None twice if nothing was recorded."""
    if all(get_parameter(f"{letter}-{name}") is None for letter in letters):
        return None, None
    limits = [get_parameter_or_create(f"{letter}-{name}", [1] * x.ndim).d for letter in letters]
    steps = _RANGE[1] - _RANGE[0] - int(narrow_range)
    width = limits[1] - limits[0] if len(limits) == 2 else 2 * limits[0]
    scale = np.maximum(width, 1e-24) / steps     # never 0, also where nothing positive was recorded
    to_integer = _ROUND[round_method]
    if to_integer is not None:
        scale = 2 ** to_integer(np.log(scale) / np.log(2))
    zero = np.zeros(scale.shape, np.int8)
    zero = get_parameter_or_create(f"zeropoint-{name}", zero.shape, zero, False)
    scale = get_parameter_or_create(f"scale-{name}", scale.shape, scale, False)
    return scale, zero


class MinMaxMinMaxRecorderCallback(_RecorderCallback):
    """Makes :class:`MinMaxMinMaxRecorder` functions."""

    _function, _letters = staticmethod(minmax_minmax_recorder), "mM"

    @staticmethod
    def get_scale_zeropoint(x, axes=[1], narrow_range=False, round_method="NOTROUND", name=""):
        """Scale and zero point from the recorded limits, as parameters; None twice if nothing was recorded."""
        return _range_of("mM", x, narrow_range, round_method, name)


class MinMaxMvaRecorderCallback(_RecorderCallback):
    """Makes :class:`MinMaxMvaRecorder` functions."""

    _function, _letters = staticmethod(minmax_mva_recorder), "mM"

    @staticmethod
    def get_scale_zeropoint(x, axes=[1], narrow_range=False, round_method="NOTROUND", name=""):
        """Scale and zero point from the recorded limits, as parameters; None twice if nothing was recorded."""
        return _range_of("mM", x, narrow_range, round_method, name)


class AbsMaxRecorderCallback(_RecorderCallback):
    """Makes :class:`AbsMaxRecorder` functions."""

    _function = staticmethod(abs_max_recorder)

    @staticmethod
    def get_scale_zeropoint(x, axes=[1], narrow_range=False, round_method="NOTROUND", name=""):
        """Scale and zero point from the recorded limit, as parameters; None twice if nothing was recorded."""
        return _range_of("M", x, narrow_range, round_method, name)


class MaxMaxRecorderCallback(_RecorderCallback):
    """Makes :class:`MaxMaxRecorder` functions."""

    _function = staticmethod(max_max_recorder)

    @staticmethod
    def get_scale_zeropoint(x, axes=[1], narrow_range=False, round_method="NOTROUND", name=""):
        """Scale and zero point from the recorded limit, as parameters; None twice if nothing was recorded."""
        return _range_of("M", x, narrow_range, round_method, name)


class MaxMvaRecorderCallback(_RecorderCallback):
    """Makes :class:`MaxMvaRecorder` functions."""

    _function = staticmethod(max_mva_recorder)

    @staticmethod
    def get_scale_zeropoint(x, axes=[1], narrow_range=False, round_method="NOTROUND", name=""):
        """Scale and zero point from the recorded limit, as parameters; None twice if nothing was recorded."""
        return _range_of("M", x, narrow_range, round_method, name)


class PrecisionMode(Enum):
    """How quantized layers compute. Only ``SIM_QNN``, in floating point on quantized values, can be had."""

    QNN = 0
    SIM_QNN = 1
    MIXED_QNN = 2


class QNNState(Enum):
    """Where a :class:`QATScheduler` is."""

    NON_QNN = 0
    RECORDING = 1
    TRAINING = 2
    DEPLOYMENT = 3


class QATConfig:
    """Settings of quantization-aware training; change them on an object or in a subclass.

    Attributes:
        niter_to_recording (int): Step at which recorders are put in.
        niter_to_training (int): Step at which quantization is put in, at least one epoch later.
        bn_folding, bn_self_folding (bool): Fold batch normalization into layers, or else into factors.
        recorder_weight, recorder_activation (type): Makers of recorders.
        record_layers (list of str): Function types to quantize; all when empty.
        recorder_position (RecorderPosition): Record inputs of functions, or outputs too.
        skip_inputs_layers, skip_outputs_layers (list of str): Types which, as first or last layers, stay as they are.
        pow2 (RoundingMethod): How scales become powers of two, if at all.
        round_mode (str): ``"HALF_AWAY_FROM_ZERO"`` or ``"HALF_TO_EVEN"``.
        narrow_range (bool): Leave out the smallest level.
        dtype (numpy type): ``np.int8`` or ``np.uint8``.
        learning_rate_scale (float): Factor for the learning rate when quantization starts.
        channel_last (bool): Channels are the last axis.
        skip_bias (bool): Leave biases in floating point.
        ext_name (str): Extension that computes; on a GPU unused memory is given back at the changes.
    """

    class RecorderPosition(Enum):
        """Where to record."""

        BEFORE = 0
        BOTH = 1

    class RoundingMethod(Enum):
        """How the logarithm of a scale becomes an integer."""

        CEIL = "CEIL"
        ROUND = "ROUND"
        FLOOR = "FLOOR"
        NOTROUND = "NOTROUND"

    ext_name = "cudnn"
    zero_point = False
    dtype = np.int8
    precision_mode = PrecisionMode.SIM_QNN
    channel_last = False
    channel_wise = False
    niter_to_recording = 0
    niter_to_training = -1
    pow2 = RoundingMethod.ROUND
    narrow_range = False
    round_mode = "HALF_TO_EVEN"
    bn_folding = False
    bn_self_folding = False
    recorder_weight = MinMaxMinMaxRecorderCallback
    recorder_activation = MaxMvaRecorderCallback
    record_layers = []
    recorder_position = RecorderPosition.BEFORE
    skip_inputs_layers = ["Convolution", "Deconvolution"]
    skip_outputs_layers = ["Affine"]
    learning_rate_scale = 0.1
    skip_bias = False


class QATTensorRTConfig(QATConfig):
    """Settings for networks that NVIDIA TensorRT runs afterwards."""

    bn_folding = True
    bn_self_folding = True
    record_layers = ["Convolution", "Deconvolution", "Affine", "BatchMatmul", "ReLU"]
    record_position = QATConfig.RecorderPosition.BEFORE


qat_default_config = QATTensorRTConfig()


class FunctionsRankRecorder:
    """A visitor that numbers functions, those for training only left out.

    Attributes:
        functions_ranks (dict): function -> number.
    """

    def __init__(self, functions_only_for_training=["ImageAugmentation", "Dropout"]):
        self.functions_only_for_training = functions_only_for_training
        self.rank = 0
        self.functions_ranks = {}

    def __call__(self, f):
        if f.info.type_name not in self.functions_only_for_training:
            self.functions_ranks[f] = self.rank
            self.rank += 1


class QATScheduler:
    """Turns registered networks for quantization-aware training as steps go by::

        config = QATTensorRTConfig()
        config.niter_to_recording, config.niter_to_training = one_epoch, 3 * one_epoch
        scheduler = QATScheduler(config, solver)
        scheduler(pred)
        scheduler(pred_test, training=False)
        for i in range(iterations):
            scheduler.step()
            ...train as ever...

    Args:
        config (QATConfig): Settings.
        solver (Solver): The solver: it gets parameters that arise, and a smaller learning rate.

    Raises:
        ValueError: The numbers of steps in the settings don't rise from 0 on.
    """

    def __init__(self, config=qat_default_config, solver=None):
        if not 0 <= config.niter_to_recording < config.niter_to_training:
            raise ValueError("QATScheduler: expected 0 <= niter_to_recording < niter_to_training, received "
                             f"{config.niter_to_recording} and {config.niter_to_training}. Set both on the "
                             "configuration")
        self.config = config
        self.solver = solver
        self.counter = 0
        self.state = QNNState.NON_QNN
        self.registry = []

    def __call__(self, pred, training=True):
        """Register the output of a network.

        Args:
            pred (Variable): Output; it stays the output after each change.
            training (bool): Whether recorders in this network update their ranges.
        """
        self.registry.append((pred, training))

    def _register_params(self):
        if self.solver and (self.config.bn_folding or self.config.bn_self_folding):
            self.solver.set_parameters(get_parameters(grad_only=True))

    def _clear_memory_cache(self):
        if self.config.ext_name in ("cuda", "cudnn") and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _fold_batch_normalization(self, pred):
        cfg, modifiers = self.config, []
        if cfg.bn_folding:
            modifiers += [GC.BatchNormalizationFoldingModifier(opposite, cfg.channel_last)
                          for opposite in (False, True)]
        if cfg.bn_self_folding:
            modifiers.append(GC.BatchNormalizationSelfFoldingModifier())
        if modifiers:
            pred.rewire_on(GC.GraphConverter([GC.UnfusedBatchNormalizationModifier(), *modifiers]).convert(pred))

    @staticmethod
    def _ranks(pred):
        recorder = FunctionsRankRecorder()
        pred.visit(recorder)
        return recorder.functions_ranks

    def _schedule_to_recording(self):
        for pred, training in self.registry:
            self._fold_batch_normalization(pred)
            modifier = GC.QuantizeNonQNNToRecordingModifier(self._ranks(pred), config=self.config, training=training)
            pred.rewire_on(GC.GraphConverter([modifier]).convert(pred))
            pred.need_grad = False
            self._register_params()
        self._enter(QNNState.RECORDING)

    def _schedule_to_training(self):
        cfg = self.config
        recorders = [cfg.recorder_activation().name(), cfg.recorder_weight().name()]
        for pred, _ in self.registry:
            pred.rewire_on(GC.GraphConverter([GC.RemoveFunctionModifier(rm_funcs=recorders)]).convert(pred))
            modifier = GC.QuantizeRecordingToTrainingModifier(self._ranks(pred), config=cfg)
            pred.rewire_on(GC.GraphConverter([modifier]).convert(pred))
            self._register_params()
            if self.solver is not None:
                self.solver.set_learning_rate(self.solver.learning_rate() * cfg.learning_rate_scale)
        self._enter(QNNState.TRAINING)

    def _enter(self, state):
        logger.info(f"quantization-aware training: {self.state.name} -> {state.name}, {len(self.registry)} network(s)")
        self.state = state

    def step(self):
        """Count a step, and turn the networks if it is time. Call it before each iteration."""
        if self.counter == self.config.niter_to_recording:
            self._clear_memory_cache()
            self._schedule_to_recording()
        elif self.counter == self.config.niter_to_training:
            self._clear_memory_cache()
            self._schedule_to_training()
        self.counter += 1

    def save(self, fname, inputs, batch_size=1, net_name="net", deploy=False):
        """Save the registered network for inference as a network file.

        Args:
            fname (str): Path, ``.nnp`` or another extension that ``nnabla.utils.save`` knows.
            inputs (Variable or list of Variable): Inputs of the network.
            batch_size (int): Batch size written to the file.
            net_name (str): Name of the network.
            deploy (bool): Save the network for training as well; quantization has to be in.

        Raises:
            RuntimeError: ``deploy`` before quantization is in.
        """
        from .save import save
        if deploy and self.state is not QNNState.TRAINING:
            raise RuntimeError(f"QATScheduler.save: expected the state TRAINING for deploy=True, is {self.state.name}: "
                               "go on with step() first")
        inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        names = {f"x{i}": v for i, v in enumerate(inputs)}
        for pred, training in self.registry:
            if training and not deploy:
                continue
            save(fname, {
                "networks": [{"name": net_name, "batch_size": batch_size, "outputs": {"y0": pred}, "names": names}],
                "executors": [{"name": "runtime", "network": net_name, "data": list(names), "output": ["y0"]}]})
