"""Operators on matrices and stacks of matrices, and sums of products by subscript notation."""
import torch

from ..registry import Tensor, operator
from .precision import in_float32


def _batch_matmul_shape(a, b, transpose_a=False, transpose_b=False):
    if len(a) < 3 or len(a) != len(b):
        raise ValueError(f"expected inputs with the same number of axes, at least 3, received shapes {a} and {b}. "
                         "Matrices alone are multiplied by affine, or by `a @ b`")
    rows, inner_a = (a[-1], a[-2]) if transpose_a else a[-2:]
    inner_b, columns = (b[-1], b[-2]) if transpose_b else b[-2:]
    if inner_a != inner_b:
        raise ValueError(f"expected {inner_a} rows in the second matrices, as many as the first have columns, "
                         f"received {inner_b} (shapes {a} and {b})")
    lead = a[:-2]
    if lead != b[:-2]:
        if any(m != n and m != 1 and n != 1 for m, n in zip(lead, b)):
            raise ValueError(f"expected leading sizes that are equal or 1, received shapes {a} and {b}")
        lead = tuple([n if m == 1 else m for m, n in zip(lead, b)])
    return lead + (rows, columns)


def _direct_matmul(a, b, transpose_a, transpose_b):
    if len(a) == 3 and a[0] == b[0] and not transpose_a:
        return _bmm_transposed if transpose_b else torch.bmm


def _bmm_transposed(a, b):
    return torch.bmm(a, b.mT)


@operator("BatchMatmul", shape=_batch_matmul_shape, backward_reads={"a": "b", "b": "a"}, direct=_direct_matmul)
def batch_matmul(a: Tensor, b: Tensor, transpose_a: bool = False, transpose_b: bool = False):
    """Product of matrices, one pair for each position of the leading axes.

    Args:
        a: Matrices of shape ``(..., M, K)``, or ``(..., K, M)`` with ``transpose_a``.
        b: Matrices of shape ``(..., K, N)``, or ``(..., N, K)`` with ``transpose_b``; as many axes as ``a``.
        transpose_a (bool): Transpose the first matrices.
        transpose_b (bool): Transpose the second matrices.

    Returns:
        Array of shape ``(..., M, N)``; leading axes of size 1 are repeated.

    Raises:
        ValueError: the shapes do not fit.
    """
    return torch.matmul(a.mT if transpose_a else a, b.mT if transpose_b else b)


def _square(x, **_):
    if len(x) != 3 or x[1] != x[2]:
        raise ValueError(f"expected square matrices of shape (B, M, M), received shape {x}")
    return x


def _one_per_matrix(x):
    return _square(x)[:1]


@operator("BatchDet", shape=_one_per_matrix, backward_reads="x out")
@in_float32
def batch_det(x: Tensor):
    """Determinants of a batch of matrices.

    Args:
        x: Array of shape ``(B, M, M)``.

    Returns:
        Array of shape ``(B,)``.

    Raises:
        ValueError: ``x`` is no batch of square matrices.
    """
    return torch.linalg.det(x)


@operator("BatchInv", shape=_square, backward_reads="out")
@in_float32
def batch_inv(x: Tensor):
    """Inverses of a batch of matrices.

    Args:
        x: Array of shape ``(B, M, M)``.

    Returns:
        Array of shape ``(B, M, M)``.

    Raises:
        ValueError: ``x`` is no batch of square matrices.
    """
    # inv_ex does not stop at singular matrices (and does not wait for the device to see them).
    return torch.linalg.inv_ex(x)[0]


@operator("BatchLogdet", shape=_one_per_matrix)
@in_float32
def batch_logdet(x: Tensor):
    """Natural logarithms of the absolute determinants of a batch of matrices.

    Args:
        x: Array of shape ``(B, M, M)``.

    Returns:
        Array of shape ``(B,)``.

    Raises:
        ValueError: ``x`` is no batch of square matrices.
    """
    return torch.linalg.slogdet(x)[1]


@operator("BatchCholesky", shape=_square, backward_reads="out")
@in_float32
def batch_cholesky(x: Tensor, upper: bool = False):
    """Cholesky factors of a batch of symmetric positive definite matrices.

    Args:
        x: Array of shape ``(B, M, M)``.
        upper (bool): Give the upper factors ``U`` of ``U^T U``, else the lower ``L`` of ``L L^T``.

    Returns:
        Array of shape ``(B, M, M)``.

    Raises:
        ValueError: ``x`` is no batch of square matrices.
    """
    return torch.linalg.cholesky(x, upper=upper)


def _einsum_shape(*x, equation=""):
    terms, arrow, result = equation.replace(" ", "").partition("->")
    terms = terms.split(",")
    if len(terms) != len(x):
        raise ValueError(f"expected an equation with {len(x)} terms, one an input, received '{equation}'")
    sizes, batch = {}, ()
    for term, s in zip(terms, x):
        before, dots, after = term.partition("...")
        rest = len(s) - len(before) - len(after)
        if rest < 0 or (rest and not dots) or not (before + after + "a").isalpha():
            raise ValueError(f"expected a subscript for each axis, received '{term}' for shape {s}")
        for letter, n in [*zip(before, s), *zip(after, s[len(s) - len(after):])]:
            known = sizes.setdefault(letter, n)
            if known != n:
                raise ValueError(f"expected axes of one subscript to have equal sizes, received {known} and {n} "
                                 f"for '{letter}'")
        inner = s[len(before):len(before) + rest]
        n = max(len(batch), rest)
        batch = tuple([max(p, q) for p, q in zip((1,) * (n - len(batch)) + batch, (1,) * (n - rest) + inner)])
    if not arrow:
        letters = "".join(terms).replace(".", "")
        result = ("..." if batch else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    before, dots, after = result.partition("...")
    if len(set(before + after)) != len(before + after) or not set(before + after) <= set(sizes):
        raise ValueError(f"expected output subscripts that are distinct and occur in the inputs, received '{result}'")
    return tuple([sizes[c] for c in before]) + (batch if dots else ()) + tuple([sizes[c] for c in after])


@operator("Einsum", shape=_einsum_shape)
def einsum(*x: Tensor, equation: str = ""):
    """Sum of products in Einstein's notation, as of ``numpy.einsum``.

    Args:
        x: Arrays, one for each term of the equation.
        equation (str): Subscripts of the inputs and, after ``->``, of the output, such as ``"bij,bjk->bik"``.
            ``...`` stands for axes that are carried along.

    Returns:
        Array with the axes the equation names.

    Raises:
        ValueError: the equation and the shapes do not fit.
    """
    y = torch.einsum(equation, *x)
    return y.clone(memory_format=torch.contiguous_format) if len(x) == 1 else y
