"""Normalisations of activations and of weights."""
from ..case import bad, case, normal, positive, uniform, values


def statistics(*shape):
    return normal(*shape).without_grad(), uniform(*shape, low=0.5, high=2.0).without_grad()


def parameters(*shape):
    return normal(*shape), uniform(*shape, low=0.5, high=1.5)


for stat in (True, False):
    case("batch_normalization", normal(4, 3, 2, 2), *parameters(1, 3, 1, 1), *statistics(1, 3, 1, 1), batch_stat=stat)
    case("batch_normalization", normal(4, 3), *parameters(1, 3), *statistics(1, 3), batch_stat=stat, decay_rate=0.5)
    case("batch_normalization", normal(4, 2, 3), *parameters(1, 1, 3), *statistics(1, 1, 3), axes=[2], batch_stat=stat)
    case("batch_normalization", normal(4, 2, 3), *parameters(1, 1, 3), *statistics(1, 1, 3), axes=[-1], batch_stat=stat)
    case("batch_normalization", normal(4, 3, 2, 2), *parameters(1, 3, 1, 1), *statistics(1, 3, 1, 1), eps=1e-2, batch_stat=stat)
    case("batch_normalization", normal(4, 3, 2), None, None, *statistics(1, 3, 1), batch_stat=stat)
    case("batch_normalization", normal(4, 3, 2), normal(1, 3, 1), None, *statistics(1, 3, 1), batch_stat=stat)
    case("batch_normalization", normal(4, 3, 2), None, positive(1, 3, 1), *statistics(1, 3, 1), batch_stat=stat)
    case("batch_normalization", normal(4, 3, 2), *parameters(1, 3, 2), *statistics(1, 3, 2), axes=[1, 2], batch_stat=stat)
    case("batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), *statistics(1, 3, 1), batch_stat=stat).flags(forwards=3)
    case("function_bases.batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), *statistics(1, 3, 1), batch_stat=stat)
    case("fused_batch_normalization", normal(4, 3, 2, 2), *parameters(1, 3, 1, 1), *statistics(1, 3, 1, 1), batch_stat=stat)
    case("fused_batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), *statistics(1, 3, 1), normal(4, 3, 2), batch_stat=stat)
    case("fused_batch_normalization", normal(4, 2, 3), *parameters(1, 1, 3), *statistics(1, 1, 3), axes=[2], batch_stat=stat, eps=1e-3)
    case("fused_batch_normalization", normal(4, 2, 3), *parameters(1, 1, 3), *statistics(1, 1, 3), normal(4, 2, 3), [2], 0.5, batch_stat=stat)
    case("fused_batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), *statistics(1, 3, 1), None, [1], 0.5, 1e-2, stat, "relu")
    case("function_bases.fused_batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), *statistics(1, 3, 1), batch_stat=stat)
case("batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), *statistics(1, 3, 1), output_stat=True)
case("batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), None, None)
case("batch_normalization", normal(4, 3, 2), None, None, None, None)
case("batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), None, None, output_stat=True)
case("fused_batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), None, None)
bad("batch_normalization", normal(4, 3, 2), *parameters(1, 2, 1), *statistics(1, 2, 1))
bad("batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), None, None, batch_stat=False)
bad("batch_normalization", normal(4, 3, 2), *parameters(3), *statistics(3))
case("function_bases.batch_normalization", normal(4, 3, 2), normal(1, 3, 1), None, *statistics(1, 3, 1), no_scale=True)
case("function_bases.batch_normalization", normal(4, 3, 2), *parameters(1, 3, 1), *statistics(1, 3, 1), n_outputs=3)
case("function_bases.batch_normalization", normal(4, 3, 2), None, None, *statistics(1, 3, 1), no_scale=True, no_bias=True)

for setting in (dict(), dict(batch_axis=[0, 1]), dict(eps=1e-2), dict(output_stat=True), dict(batch_axis=-3)):
    first = (1, 1, 4) if setting.get("batch_axis") == [0, 1] else (1, 3, 4)
    case("layer_normalization", normal(2, 3, 4), *parameters(*first), **setting)
    case("layer_normalization", normal(2, 3, 4), None, None, **setting)
case("layer_normalization", normal(2, 5), *parameters(1, 5), 0, 1e-3)
case("layer_normalization", normal(2, 3, 4), normal(1, 3, 4), None)
case("layer_normalization", normal(2, 3, 4), None, positive(1, 3, 4))
case("layer_normalization", normal(2, 3, 2, 2), *parameters(1, 3, 2, 2))
case("layer_normalization", normal(2, 3, 2, 2), *parameters(1, 3, 1, 2), batch_axis=[0, 2])
bad("layer_normalization", normal(2, 3, 4), *parameters(1, 3, 3))
bad("layer_normalization", normal(2, 3, 4), *parameters(1, 3, 4), batch_axis=4)
case("function_bases.layer_normalization", normal(2, 3, 4), *parameters(1, 3, 4))
case("function_bases.layer_normalization", normal(2, 3, 4), *parameters(1, 3, 4), n_outputs=3)

for setting in (dict(), dict(eps=1e-2), dict(output_stat=True), dict(batch_axis=0), dict(batch_axis=[0])):
    case("instance_normalization", normal(2, 3, 4, 2), *parameters(1, 3, 1, 1), **setting)
    case("instance_normalization", normal(2, 3, 4), None, None, **setting)
case("instance_normalization", normal(2, 4, 3), *parameters(1, 1, 3), channel_axis=2)
case("instance_normalization", normal(2, 4, 3), *parameters(1, 1, 3), channel_axis=-1)
case("instance_normalization", normal(2, 2, 3, 4), *parameters(1, 1, 3, 1), 2, [0, 1])
case("instance_normalization", normal(2, 3, 4), normal(1, 3, 1), None)
case("instance_normalization", normal(2, 3, 4), None, positive(1, 3, 1))
case("instance_normalization", normal(2, 3, 4), *parameters(2, 3, 1))
bad("instance_normalization", normal(2, 3, 4), *parameters(1, 2, 1))
case("function_bases.instance_normalization", normal(2, 3, 4), *parameters(1, 3, 1))

for groups in (1, 2, 4):
    case("group_normalization", normal(2, 4, 3, 2), *parameters(1, 4, 1, 1), groups)
    case("group_normalization", normal(2, 4, 3), None, None, num_groups=groups)
    case("group_normalization", normal(2, 3, 4), *parameters(1, 1, 4), num_groups=groups, channel_axis=2)
    case("group_normalization", normal(2, 3, 4), *parameters(1, 1, 4), num_groups=groups, channel_axis=-1, eps=1e-2)
case("group_normalization", normal(2, 4, 3), *parameters(1, 4, 1), 2, output_stat=True)
case("group_normalization", normal(2, 2, 4, 3), *parameters(1, 1, 4, 1), 2, 2, [0, 1])
case("group_normalization", normal(2, 4, 3), normal(1, 4, 1), None, 2)
bad("group_normalization", normal(2, 4, 3), *parameters(1, 4, 1), 3)
case("function_bases.group_normalization", normal(2, 4, 3), *parameters(1, 4, 1), num_groups=2)

for axes in (0, 1, [1], [0, 1], [1, 2], (-1,), [2, 0], 2):
    listed = [a % 3 for a in (axes if isinstance(axes, (list, tuple)) else [axes])]
    shape = tuple(s if i in listed else 1 for i, s in enumerate((5, 3, 4)))
    case("tensor_normalization", normal(5, 3, 4), axes)
    case("tensor_normalization", normal(5, 3, 4), axes, *parameters(*shape))
case("tensor_normalization", normal(2, 3, 4), [1], normal(1, 3, 1), None, 1e-2)
case("tensor_normalization", normal(2, 3, 4), [1], output_stat=True)
case("tensor_normalization", normal(2, 3, 4), axes=1, gamma=positive(1, 3, 1))
case("function_bases.tensor_normalization", normal(2, 3, 4), *parameters(1, 3, 1), axes=[1])
for axes in ((0,), (1,), (2,), (0, 2), (0, 1)):
    own = tuple(n if i in axes else 1 for i, n in enumerate((5, 4, 6)))
    case("function_bases.tensor_normalization", normal(5, 4, 6), normal(*own), uniform(*own, low=0.5, high=1.5), axes=axes, eps=1e-3)
case("function_bases.tensor_normalization", normal(7, 3), axes=(1,), no_scale=True, no_bias=True)
case("function_bases.tensor_normalization", normal(7, 3), normal(1, 3), axes=(1,), no_scale=True)
case("function_bases.tensor_normalization", normal(2, 3, 2, 2), normal(1, 3, 1, 1), uniform(1, 3, 1, 1, low=0.5, high=1.5), (1,), 1e-2, False, False, n_outputs=3)

for axis in (0, 1, 2, 3, -1):
    case("weight_standardization", normal(2, 3, 4, 2), axis)
case("weight_standardization", normal(2, 3, 4))
case("weight_standardization", normal(2, 3), eps=1e-2)
case("weight_standardization", normal(2, 3, 4), output_stat=True)
case("weight_standardization", normal(4, 5), channel_axis=1)
case("function_bases.weight_standardization", normal(2, 3, 4))

for dim, n in ((0, 2), (1, 3), (2, 4), (-1, 4), (-2, 3)):
    case("weight_normalization", normal(2, 3, 4), positive(n), dim=dim)
case("weight_normalization", normal(2, 3), positive(2))
case("weight_normalization", normal(2, 3), positive(3), 1, 1e-3)
case("weight_normalization", normal(4, 3, 2, 2), positive(4), eps=1e-2)
bad("weight_normalization", normal(2, 3), positive(3))
bad("weight_normalization", normal(2, 3), normal(2), 0, 0.0)

for dim in (0, 1, 2, -1):
    n = (3, 4, 5)[dim]
    case("spectral_norm", normal(3, 4, 5), normal(n).without_grad(), dim=dim).flags(second=False)
    case("spectral_norm", normal(3, 4, 5), normal(n).without_grad(), dim=dim, itr=3, test=True).flags(backward=False)
case("spectral_norm", normal(3, 4), normal(3).without_grad(), itr=2, eps=1e-6)
case("spectral_norm", normal(3, 4), normal(3).without_grad(), test=True).flags(backward=False)
case("spectral_norm", normal(3, 4), normal(3).without_grad(), output_u=True).flags(backward=False)
case("spectral_norm", normal(3, 4), normal(3).without_grad(), 1 - 1, 1, 1e-12, False, False).flags(forwards=2)
bad("spectral_norm", normal(3, 4), normal(4).without_grad())
bad("spectral_norm", normal(3, 4), normal(3).without_grad(), eps=0.0)

for axis in (0, 1, 2):
    shape = (2, 3, 4)[axis:]
    case("mean_subtraction", normal(2, 3, 4), normal(*shape).without_grad(), values([0.0]).without_grad(), axis)
    case("mean_subtraction", normal(2, 3, 4), normal(*shape).without_grad(), values([3.0]).without_grad(), axis, False)
case("mean_subtraction", normal(4, 3), normal(3).without_grad(), values([5.0]).without_grad())
case("mean_subtraction", normal(4, 3), normal(3).without_grad(), values([1.0]).without_grad(), update_running_mean=False)
case("mean_subtraction", normal(4, 3), normal(3).without_grad(), values([0.0]).without_grad()).flags(forwards=3)
bad("mean_subtraction", normal(2, 3), normal(3).without_grad(), values([1.0, 2.0]).without_grad())

for axis in (None, 0, 1, (0, 1), [0, 2], -1):
    case("clip_by_norm", normal(2, 3, 4), 1.0, axis)
    case("clip_grad_by_norm", normal(2, 3, 4), 0.5, axis if not isinstance(axis, int) else [axis])
case("clip_by_norm", normal(2, 3), clip_norm=0.1)
case("clip_by_norm", normal(5), 100.0)
case("clip_grad_by_norm", normal(2, 3))
case("clip_grad_by_norm", normal(5), clip_norm=100.0, axes=[0])
bad("clip_by_norm", normal(2, 3), -1.0)
bad("clip_by_norm", normal(2, 3), 0)
