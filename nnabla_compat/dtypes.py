"""numpy types and their numbers in files and arguments, as numpy counted them before version 2."""
import numpy as np

# np.longdouble is 13 and complete for reading; a platform where it is float64 keeps the number 12.
int_to_np_dtype = {0: bool, 1: np.int8, 2: np.uint8, 3: np.int16, 4: np.uint16, 5: np.int32, 6: np.uint32, 9: np.int64,
                   10: np.uint64, 11: np.float32, 12: np.float64, 13: np.longdouble}

# The name is nnabla's own.
np_dtpye_to_int = {np.longlong: 9, np.ulonglong: 10, **{dtype: number for number, dtype in reversed(int_to_np_dtype.items())}}
