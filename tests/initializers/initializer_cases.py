"""The recorded draws of initializers and learning rate curves. Knows numpy only.

Both sides run the same body, the recorder with the real nnabla.
"""
import numpy as np

SHAPES = [(3,), (2, 3), (5, 2), (4, 3, 3, 3), (2, 1, 7), (1,)]
DRAWS = {
    "NormalInitializer": [(), (0.01,), (2.5,)],
    "UniformInitializer": [(), ((-0.1, 0.3),), ((5, 6),)],
    "UniformIntInitializer": [(), ((-3, 4),)],
    "RangeInitializer": [(), (3, 2), (0.5, 0.25)],
    "ConstantInitializer": [(), (0.1,), (-3,)],
    "OrthogonalInitializer": [(), (1.5,)],
}
LIMITS = ["calc_normal_std_he_forward", "calc_normal_std_he_backward", "calc_normal_std_glorot", "calc_uniform_lim_glorot"]
MAPS = [(1, 1), (3, 64), (784, 10), (64, 32, (3, 3)), (16, 16, (5, 1, 2)), (7, 5, [2, 2])]
SCHEDULES = {
    "PolynomialScheduler": [(0.1, 50, 1.0), (0.3, 30, 2), (1.0, 40, 0.5)],
    "CosineScheduler": [(0.1, 50), (2.0, 17)],
    "ExponentialScheduler": [(0.1, 0.9), (0.1, 0.5, 7)],
    "StepScheduler": [(0.1, 0.1, [10, 20, 30]), (1.0, 0.5, (0, 5, 5))],
}


def weight():
    return np.random.RandomState(5).randn(4, 3, 2).astype(np.float32)


def initializers(nn, random, initializer):
    """name -> array, drawn one after another from one generator, which some lines seed again."""
    recorded = {}
    for seed in (None, 0, 2 ** 31 - 1):
        if seed is None:
            random.set_parameter_seed(313)    # as at import
        else:
            random.seed(seed)
        for name, settings in DRAWS.items():
            for arguments in settings:
                make = getattr(initializer, name)(*arguments)
                for shape in SHAPES if name != "OrthogonalInitializer" else SHAPES[1:5]:
                    recorded[f"{seed}/{name}{arguments}{shape}"] = np.array(make(shape))
        recorded[f"{seed}/scalar normal"] = np.array(initializer.NormalInitializer()(()))
        recorded[f"{seed}/scalar uniform"] = np.array(initializer.UniformInitializer()(()))
        # A generator of one's own, and one bound before the process-wide one is seeded again.
        own = initializer.NormalInitializer(rng=np.random.RandomState(4))
        bound = initializer.UniformInitializer()
        random.set_parameter_seed(9)
        recorded[f"{seed}/own"], recorded[f"{seed}/bound"] = np.array(own([2, 2])), np.array(bound([2, 2]))
        recorded[f"{seed}/rebound"] = np.array(initializer.UniformInitializer()([2, 2]))
    v = nn.Variable.from_numpy_array(weight())
    for arguments in ((), (1,), (2, 0.5)):
        make = initializer.WeightNormalizationScaleInitializer(v, *arguments)
        recorded[f"WeightNormalizationScaleInitializer{arguments}"] = np.array(make((4,)))
    for name in LIMITS:
        for arguments in MAPS:
            recorded[f"{name}{arguments}"] = np.array(getattr(initializer, name)(*arguments))
    return recorded


def schedules(module):
    """name -> learning rates of iterations 0 to 59."""
    recorded = {}
    for name, settings in SCHEDULES.items():
        for arguments in settings:
            scheduler = getattr(module, name)(*arguments)
            # A fractional power of a negative base is complex: polynomial decay ends at max_iter.
            last = arguments[1] if name == "PolynomialScheduler" else 60
            recorded[f"{name}{arguments}"] = np.array([scheduler.get_learning_rate(i) for i in range(last)])
            for iterations in (1, 13):
                warm = module.LinearWarmupScheduler(scheduler, iterations)
                recorded[f"{name}{arguments} warmed up {iterations}"] = np.array(
                    [warm.get_learning_rate(i) for i in range(last)])
    return recorded
