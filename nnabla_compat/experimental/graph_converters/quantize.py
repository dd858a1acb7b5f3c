"""Quantization-aware training: recorders put before functions, then linear quantization in their place."""
import numpy as np

from ... import functions as F
from ...parameter import get_parameter_or_create, parameter_scope
from .graph_converter import FunctionModifier

_BINARY = ("Add2", "Sub2", "Mul2", "Div2", "Pow2")
_WITH_BIAS = ("Affine", "Convolution", "Deconvolution", "DepthwiseConvolution", "DepthwiseDeconvolution")
_JOINING = ("Add2", "Concatenate")   # their inputs share one scale


def _data_inputs(type_name, inputs):
    """How many inputs of a function are data; the others are parameters."""
    if type_name in ("Concatenate", "Stack"):
        return len(inputs)
    return 2 if type_name in _BINARY else 1


def _type_of(f):
    return f.info.type_name if f is not None and f.info is not None else None


def _types_before(f):
    found, rest = set(), [v.parent for v in f.inputs]
    seen = set()
    while rest:
        g = rest.pop()
        if g is not None and g not in seen:
            seen.add(g)
            found.add(_type_of(g))
            rest += [v.parent for v in g.inputs]
    return found


def _types_after(f):
    found, rest = set(), list(f.outputs[0].function_references)
    seen = set()
    while rest:
        g = rest.pop()
        if g not in seen:
            seen.add(g)
            found.add(_type_of(g))
            rest += g.outputs[0].function_references
    return found


class QuantizeNonQNNToRecordingModifier(FunctionModifier):
    """Puts recorders, which note the range of values, before the inputs of functions.

    Parameters of the recorders are in scopes ``<type>-<rank>``. What is recorded, and by which recorders, is
    said by the configuration, see :class:`nnabla_compat.utils.qnn.QATConfig`.

    Args:
        functions_ranks (dict): function -> its number in the network.
        config (QATConfig): Configuration.
        training (bool): Whether recorders update their ranges.
    """

    def __init__(self, functions_ranks, config=None, training=True):
        super().__init__()
        self._config = config
        self._training = training
        self.functions_ranks = functions_ranks

    def get_function_rank(self, f):
        """Number of a function in the network, -1 if it has none."""
        return self.functions_ranks.get(f, -1)

    def check(self, f):
        """Whether a function gets recorders."""
        name, record_layers = f.info.type_name, self._config.record_layers
        if name in ("Sink", "BatchNormalization") or (record_layers and name not in record_layers):
            return False
        firsts, lasts = self._config.skip_inputs_layers, self._config.skip_outputs_layers
        if firsts and name in firsts and not _types_before(f) & set(firsts):
            return False   # one of the network's first layers
        return not (lasts and name in lasts and not _types_after(f) & set(lasts))

    def _record(self, recorder, x, name):
        axes = [3] if self._config.channel_last else [1]
        return recorder()(x, axes=axes, training=self._training, name=name)

    def add_recorder(self, f, inputs, cfg):
        """Recorders on the inputs, those present already used again."""
        kind = cfg.recorder_activation().name()
        count = _data_inputs(f.info.type_name, inputs)
        recorded = []
        with parameter_scope(f"{f.info.type_name}-{self.get_function_rank(f)}"):
            for i, x in enumerate(inputs[:count]):
                readers = x.function_references
                if readers and _type_of(readers[0]) == kind:
                    x = readers[0].outputs[0]
                elif _type_of(x.parent) != kind:
                    x = self._record(cfg.recorder_activation, x, f"x{i}")
                recorded.append(x)
            for i, p in enumerate(inputs[count:]):
                recorded.append(self._record(cfg.recorder_weight, p, f"w{i}"))
        return recorded

    def share_recorder(self, f, inputs, new_inputs, cfg):
        """For functions that join data: all inputs recorded into the range of the one nearest the network's input."""
        if f.info.type_name not in _JOINING:
            return new_inputs
        chosen, lowest = 0, inputs[0].rank
        for i, x in enumerate(new_inputs[1:], 1):
            if x.rank < lowest:
                chosen, lowest = i, x.rank
        with parameter_scope(self.get_parameter_scope(new_inputs[chosen].parent.inputs[1])):
            return [x if i == chosen else self._record(cfg.recorder_activation, x.parent.inputs[0], "x0")
                    for i, x in enumerate(new_inputs)]

    def modify(self, f, inputs):
        if not self.check(f):
            return None
        cfg = self._config
        h = self._modify_as_same(f, self.share_recorder(f, inputs, self.add_recorder(f, inputs, cfg), cfg))
        reader = f.outputs[0].function_references[0]
        # the scope is made in any case, as in nnabla: it decides about the order of parameters
        with parameter_scope(f"{reader.info.type_name}-{self.get_function_rank(reader)}"):
            if cfg.recorder_position == cfg.RecorderPosition.BOTH:
                h = self._record(cfg.recorder_activation, h, "x0")
        return h


class QuantizeRecordingToTrainingModifier(FunctionModifier):
    """Puts linear quantization and dequantization where recorders were, with scales from the recorded ranges.

    The recorders themselves have to be removed before (:class:`RemoveFunctionModifier`). Computation stays in
    floating point: quantization is simulated.

    Args:
        functions_ranks (dict): function -> its number in the network, as when recording.
        config (QATConfig): Configuration.

    Raises:
        NotImplementedError: The configuration asks for a precision mode other than ``SIM_QNN``.
    """

    class SimulatedQNN:
        """The rules of simulated quantization, for a modifier."""

        def __init__(self, functions_ranks, modifier=None, config=None):
            self._config = config
            self._modifier = modifier
            self.functions_ranks = functions_ranks

        def get_function_rank(self, f):
            """Number of a function in the network, -1 if it has none."""
            return self.functions_ranks.get(f, -1)

        def _scope(self, f):
            return f"{f.info.type_name}-{self.get_function_rank(f)}"

        def _scale(self, recorder, x, scope, name):
            cfg = self._config
            with parameter_scope(scope):
                return recorder.get_scale_zeropoint(x, axes=[3] if cfg.channel_last else [1], name=name,
                                                    narrow_range=cfg.narrow_range, round_method=cfg.pow2.value)

        def try_to_quantize(self, x, scale, zero_point, round_mode, narrow_range, dtype):
            """Quantized ``x``; ``x`` itself without a scale."""
            return x if scale is None else F.quantize_linear(x, scale, zero_point, round_mode, narrow_range, dtype)

        def try_to_dequantize(self, x, scale, zero_point):
            """Dequantized ``x``; ``x`` itself without a scale."""
            return x if scale is None else F.dequantize_linear(x, scale, zero_point)

        def _quantize(self, x, scale, zero_point):
            cfg = self._config
            return self.try_to_quantize(x, scale, zero_point, cfg.round_mode, cfg.narrow_range, cfg.dtype)

        def get_quantization_params(self, variable):
            """Values of scale and zero point if ``variable`` is quantized, else two times None."""
            if _type_of(variable.parent) == "QuantizeLinear":
                return tuple(v.d for v in variable.parent.inputs[1:3])
            return None, None

        def requantize_bias(self, f, inputs, scope):
            """Inputs with the bias in the scale of the products: that of data times that of weights."""
            if f.info.type_name not in _WITH_BIAS or len(inputs) != 3:
                return inputs
            x, w, b = inputs
            (sx, zero), (sw, _) = self.get_quantization_params(x), self.get_quantization_params(w)
            if sx is None or sw is None or _type_of(b.parent) != "QuantizeLinear":
                return inputs
            b = b.parent.inputs[0]
            with parameter_scope(scope):
                scale = get_parameter_or_create("scale-b", (1,), np.reshape(sx * np.reshape(sw, -1)[0], (1,)), False)
                zero = get_parameter_or_create("zeropoint-b", (1,), np.reshape(zero.copy(), (1,)), False)
            if not self._config.skip_bias:
                b = self._quantize(b, scale, zero)
            return [x, w, b]

        def quantize_inputs(self, f, inputs):
            """Inputs of the network and parameters, quantized; data in between is already."""
            cfg, scope = self._config, self._scope(f)
            count = _data_inputs(f.info.type_name, inputs)
            quantized = []
            for i, x in enumerate(inputs[:count]):
                if x.rank == 0:
                    x = self._quantize(x, *self._scale(cfg.recorder_activation, x, scope, f"x{i}"))
                quantized.append(x)
            for i, p in enumerate(inputs[count:]):
                quantized.append(self._quantize(p, *self._scale(cfg.recorder_weight, p, scope, f"w{i}")))
            return self.requantize_bias(f, quantized, scope)

        def dequantize_inputs(self, inputs):
            """Inputs, dequantized where they are quantized; once for all readers."""
            result = []
            for x in inputs:
                present = [r for r in x.function_references if _type_of(r) == "DequantizeLinear"]
                if present:
                    x = present[0].outputs[0]
                if _type_of(x.parent) == "QuantizeLinear":
                    x = self.try_to_dequantize(x, *x.parent.inputs[1:3])
                result.append(x)
            return result

        def shared_quantization(self, f, inputs):
            """For functions that join data: all inputs with the scale of the one nearest the network's input."""
            if f.info.type_name not in _JOINING:
                return inputs
            chosen, lowest = 0, inputs[0].rank
            for i, x in enumerate(inputs[1:], 1):
                if _type_of(x.parent) == "DequantizeLinear" and x.rank < lowest:
                    chosen, lowest = i, x.rank
            scale = zero = None
            if _type_of(inputs[chosen].parent) == "DequantizeLinear":
                scale, zero = inputs[chosen].parent.inputs[1:3]
            result = []
            for i, x in enumerate(inputs):
                if i != chosen:
                    if _type_of(x.parent) == "DequantizeLinear":
                        x = x.parent.inputs[0].parent.inputs[0]
                    x = self.try_to_dequantize(self._quantize(x, scale, zero), scale, zero)
                result.append(x)
            return result

        def _quantize_outputs(self, f, h):
            """The output, quantized by the scale of the first reader that has one."""
            scale = zero = None
            for reader in f.outputs[0].function_references:
                name = "x0"
                if _type_of(reader) == "Sink":
                    return h
                if _type_of(reader) in _BINARY:
                    name = [f"x{i}" for i, v in enumerate(reader.inputs) if v == f.outputs[0]][-1]
                scale, zero = self._scale(self._config.recorder_activation, h, self._scope(reader), name)
                if scale is not None:
                    break
            return self._quantize(h, scale, zero)

        def modify(self, f, inputs):
            """What becomes of a function."""
            inputs = self.shared_quantization(f, self.dequantize_inputs(self.quantize_inputs(f, inputs)))
            h = self._modifier._modify_as_same(f, inputs)
            return h if f.info.type_name == "Sink" else self._quantize_outputs(f, h)

    def __init__(self, functions_ranks, config=None):
        super().__init__()
        from ...utils.qnn import PrecisionMode
        if config.precision_mode != PrecisionMode.SIM_QNN:
            raise NotImplementedError(f"quantization: {config.precision_mode} needs integer arithmetic, which nnabla "
                                      "has no functions for; use PrecisionMode.SIM_QNN, which simulates it")
        self._mode = self.SimulatedQNN(functions_ranks, self, config)

    def modify(self, f, inputs):
        return self._mode.modify(f, inputs)
