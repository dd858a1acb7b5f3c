"""Products, decompositions and transforms."""
from ..case import bad, case, invertible, normal, spd, uniform

for ta in (False, True):
    for tb in (False, True):
        a = (lambda *s: s[:-2] + (s[-1], s[-2])) if ta else (lambda *s: s)
        b = (lambda *s: s[:-2] + (s[-1], s[-2])) if tb else (lambda *s: s)
        case("batch_matmul", normal(*a(2, 3, 4)), normal(*b(2, 4, 5)), ta, tb)
        case("batch_matmul", normal(*a(3, 4)), normal(*b(4, 5)), transpose_a=ta, transpose_b=tb)
        case("batch_matmul", normal(*a(2, 3, 2, 4)), normal(*b(2, 3, 4, 1)), ta, tb)
        case("batch_matmul", normal(*a(2, 1, 2, 4)), normal(*b(1, 3, 4, 2)), ta, tb)
case("batch_matmul", normal(1, 3, 4), normal(5, 4, 2))
bad("batch_matmul", normal(2, 3, 4), normal(2, 5, 4))
bad("batch_matmul", normal(2, 3, 4), normal(3, 4, 5))
bad("batch_matmul", normal(3), normal(3, 2))

for shape in ((2, 3, 3), (1, 2, 2), (4, 1, 1), (2, 4, 4), (3, 2, 2), (1, 5, 5), (6, 3, 3), (2, 6, 6)):
    case("batch_det", normal(*shape))
    case("batch_inv", invertible(*shape))
    case("batch_logdet", invertible(*shape))
    case("batch_cholesky", spd(*shape))
    case("batch_cholesky", spd(*shape), upper=True)
case("batch_cholesky", spd(2, 2, 3, 3), True)
for name in ("batch_det", "batch_inv", "batch_logdet", "batch_cholesky"):
    bad(name, normal(2, 3, 4))
    bad(name, normal(3))

case("dot", normal(3), normal(3))
case("dot", normal(2, 3), normal(3, 4))
case("dot", normal(2, 3), normal(3))
case("dot", normal(2, 3, 4), normal(4))
case("dot", normal(2, 3, 4), normal(4, 5))
case("dot", normal(2, 3, 4), normal(2, 4, 5))
case("dot", normal(), normal())
case("dot", normal(), normal(2, 3))
case("dot", normal(2, 3), normal())
case("dot", normal(1, 1), normal(1, 1))
bad("dot", normal(2, 3), normal(2, 3))

case("einsum", normal(2, 3), normal(3, 4), equation="ij,jk->ik")
case("einsum", normal(2, 3), normal(3, 4), equation="ij,jk")
case("einsum", normal(2, 3), equation="ij->ji")
case("einsum", normal(2, 3), equation="ij->")
case("einsum", normal(2, 3), equation="ij->i")
case("einsum", normal(3, 3), equation="ii->i")
case("einsum", normal(3, 3), equation="ii")
case("einsum", normal(3), normal(4), equation="i,j->ij")
case("einsum", normal(2, 3, 4), normal(2, 4, 5), equation="bij,bjk->bik")
case("einsum", normal(2, 3), normal(2, 3), equation="ij,ij->i")
case("einsum", normal(2, 3, 4), normal(4, 5), equation="...j,jk->...k")
case("einsum", normal(2, 3), normal(3, 4), normal(4, 2), equation="ij,jk,kl->il")
case("einsum", normal(2, 3, 4, 2), equation="b...c->bc...")
bad("einsum", normal(2, 3), normal(4, 5), equation="ij,jk->ik")
bad("einsum", normal(2, 3), equation="ij,jk->ik")
bad("einsum", normal(2, 3), equation="i->i")

for name in ("fft", "ifft"):
    for normalized in (False, True):
        case(name, normal(2, 4, 2), 1, normalized)
        case(name, normal(2, 3, 5, 2), 2, normalized)
        case(name, normal(2, 3, 2, 4, 2), 3, normalized)
        case(name, normal(2, 3, 4, 2), signal_ndim=1, normalized=normalized)
    case(name, normal(5, 2), 1)
    case(name, normal(1, 1, 2), 1)

for window in ("hanning", "hamming", "rectangular"):
    for center in (True, False):
        case("stft", normal(2, 24), 8, 4, 8, window, center)
        case("istft", normal(2, 5, 7), normal(2, 5, 7), 8, 4, 8, window, center, "constant") if window != "hanning" or center else None
    case("stft", normal(2, 24), 6, 3, 8, window_type=window, pad_mode="constant")
    case("stft", normal(3, 30), window_size=8, stride=2, fft_size=16, window_type=window)
    case("istft", normal(2, 9, 7), normal(2, 9, 7), 16, 4, 16, window_type=window, pad_mode="constant")
case("stft", normal(2, 24), 8, 4, 8, pad_mode="constant", as_istft_backward=True)
case("stft", normal(1, 16), 4, 4, 4, "rectangular", False)
case("istft", normal(2, 5, 7), normal(2, 5, 7), 8, 4, 8, as_stft_backward=True)
case("istft", normal(1, 5, 4), normal(1, 5, 4), 8, 2, 8, "hanning", True, "constant")
case("stft", normal(0, 24), 8, 4, 8)
case("stft", normal(0, 24), 8, 4, 8, pad_mode="constant")
for window in ("hanning", "hamming"):
    case("stft", normal(2, 24), 1, 1, 8, window)
case("istft", normal(2, 5, 7), normal(2, 5, 7), 1, 1, 8, "hamming", pad_mode="constant")
bad("stft", normal(2, 24), 8, 4, 8, "")
bad("stft", normal(2, 24), 8, 4, 8, 0)
bad("stft", normal(2, 24), 16, 4, 8)
bad("stft", normal(2, 24), 8, -1, 8)
bad("istft", normal(2, 5, 7), normal(2, 6, 7), 8, 4, 8)
bad("istft", normal(2, 5, 7), normal(2, 5, 7), 8, -1, 8, pad_mode="constant")
