"""Compares gradients of elementwise operators with their derivatives as mathematics has them, evaluated by mpmath in 300 bits, whose numbers
neither overflow nor vanish. Prints one line for each operator and dtype that differs, then `judged N` with the number of slopes compared."""

import base64
import json
import struct
import sys
from functools import lru_cache

import mpmath
from mpmath import mp, mpc, mpf

mp.prec = 300

ONE, LN2, LN10, PI = mpf(1), mp.log(2), mp.log(10), +mp.pi
# Bits of precision, lowest and highest exponent of normal numbers.
FORMATS = {"float16": (11, -14, 15), "bfloat16": (8, -126, 127), "float32": (24, -126, 127), "float64": (53, -1022, 1023)}
FORMATS |= {"complex64": FORMATS["float32"], "complex128": FORMATS["float64"]}


def numbers(value):
    """The elements of an encoded tensor: floats, which hold the elements of every dtype exactly, or pairs of them."""
    data, dtype = base64.b64decode(value["bytes"]), value["tensor"]
    if dtype == "bfloat16":
        return [struct.unpack("<f", b"\0\0" + data[i : i + 2])[0] for i in range(0, len(data), 2)]
    code = {"float16": "e", "float32": "f", "float64": "d", "complex64": "f", "complex128": "d"}[dtype]
    flat = struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data)
    return list(zip(flat[::2], flat[1::2])) if dtype.startswith("complex") else list(flat)


def exact(x):
    return mpc(*x) if isinstance(x, tuple) else mpf(x)


def sign(x):
    return mpf((x > 0) - (x < 0))


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def near(x, *kinks):
    """At a kink there is no one slope."""
    if any(x == kink for kink in kinks):
        raise ArithmeticError


def step(x, *bounds):
    """1 between the first two bounds, else 0."""
    near(x, *bounds)
    return ONE if bounds[0] < x < bounds[-1] else 0 * ONE


def real_only(x, condition):
    if isinstance(x, mpf) and not condition:
        raise ArithmeticError


def guarded(condition, slope):
    if not condition:
        raise ArithmeticError
    return slope


def digamma_slope(n, x):
    if x <= 0 and (x == mp.floor(x) or n >= 4):  # Poles; and high derivatives cancel where they are reflected.
        raise ArithmeticError
    return mp.psi(n, x)


def power_base(x, e):
    if isinstance(off_cut(x), mpc) and abs(e) > 100:  # The angle is beyond the dtype's precision.
        raise ArithmeticError
    if e == 0:
        return 0 * ONE
    if not isinstance(x, mpc) and x < 0 and e != mp.floor(e):
        raise ArithmeticError
    return e * mp.power(x, e - 1)


def power_exponent(x, e):
    if isinstance(e, mpc) and abs(e) > 100:
        raise ArithmeticError
    off_cut(x)
    if x == 0:
        return guarded(mp.re(e) >= 0, 0 * ONE)
    real_only(x, isinstance(x, mpc) or x > 0)
    return mp.power(x, e) * mp.log(x)


def exp2_slope(x):
    if abs(mp.im(x)) > 1000:  # The angle, im(x) log 2, is beyond the dtype's precision.
        raise ArithmeticError
    return LN2 * mp.power(2, x)


def sinc_slope(x):
    if isinstance(x, mpc) and abs(x) > 100:  # The angle is beyond the dtype's precision.
        raise ArithmeticError
    if x == 0:
        return 0 * ONE
    if abs(x) < mpf(2) ** -40:
        return -PI**2 * x / 3
    return (mp.cospi(x) - mp.sinpi(x) / (PI * x)) / x


def inner(x, slope, limit=1):
    """The slope of a function that is defined for real numbers inside of a limit only."""
    real_only(x, abs(x) < limit)
    return slope(x)


def gelu_slope(x, approximate):
    if approximate == "tanh":
        root, cubic = mp.sqrt(2 / PI), mpf("0.044715")
        u = root * (x + cubic * x**3)
        return sigmoid(2 * u) + x * 2 * sigmoid(2 * u) * sigmoid(-2 * u) * root * (1 + 3 * cubic * x * x)
    return mp.erfc(-x / mp.sqrt(2)) / 2 + x * mp.exp(-x * x / 2) / mp.sqrt(2 * PI)


def mish_slope(x):
    s = mp.log1p(mp.exp(x)) if x < 1000 else x
    return mp.tanh(s) + x * sigmoid(x) * mp.sech(s) ** 2


def elu_slope(x, alpha, scale, input_scale):
    near(x, 0)
    return scale if x > 0 else scale * alpha * input_scale * mp.exp(x * input_scale)


def bessel(n, x):
    if abs(x) > mpf(10) ** 60:  # Differences of what cancels are lost even here.
        raise ArithmeticError
    return mp.besseli(n, x)


def scaled(x, value):
    return mp.exp(-abs(x)) * value


def erfcx_slope(x):
    if abs(x) > 1000:  # Differences of what cancels are lost even here.
        return -1 / (mp.sqrt(PI) * x * x) if x > 0 else -mp.inf
    return 2 * x * mp.exp(x * x) * mp.erfc(x) - 2 / mp.sqrt(PI)


def ndtri_slope(p):
    if not 0 < p < 1 or p < mpf(10) ** -60:
        raise ArithmeticError
    y = mp.findroot(lambda y: mp.log(mp.erfc(-y / mp.sqrt(2)) / 2) - mp.log(p), -mp.sqrt(-2 * mp.log(p)) if p < ONE / 2 else ONE)
    return mp.sqrt(2 * PI) * mp.exp(y * y / 2)


def log_ndtr_slope(x):
    if abs(x) > 1000:
        return -x if x < 0 else 0 * ONE
    return mp.exp(-x * x / 2) * mp.sqrt(2 / PI) / mp.erfc(-x / mp.sqrt(2))


def incomplete_slopes(sign):
    return lambda a, x: (None, guarded(mpf("0.01") < a < 20 and mpf("0.01") < x < 20, sign * mp.exp(-x) * mp.power(x, a - 1) / mp.gamma(a)))


def logaddexp_slopes(a, b):
    if abs(mp.im(a - b)) > 1000:  # The angle is beyond the dtype's precision.
        raise ArithmeticError
    return sigmoid(a - b), sigmoid(b - a)


def atan2_slopes(y, x):
    if x == 0 and y == 0:
        return 0 * ONE, 0 * ONE
    square = x * x + y * y
    return x / square, -y / square


def hypot_slopes(x, y):
    if x == 0 and y == 0:
        return 0 * ONE, 0 * ONE
    length = mp.sqrt(x * x + y * y)
    return x / length, y / length


def quotient_slopes(a, b):
    return 1 / b, -a / (b * b)


def rounded_quotient(a, b, rounding):
    return (0 * ONE, 0 * ONE) if rounding else quotient_slopes(a, b)


def modulo(whole):
    def slopes(a, b):
        return ONE, guarded(b != 0, -whole(a / b))

    return slopes


def extremum(picks_first):
    return lambda a, b: guarded(a != b, (ONE, 0 * ONE) if picks_first(a, b) else (0 * ONE, ONE))


def clamp_slope(x, low, high):
    low, high = (-mp.inf if low is None else low), (mp.inf if high is None else high)
    near(x, low, high)
    return ONE if low < x < high else 0 * ONE


def clamp_slopes(x, low, high):
    low, high = (-mp.inf if low is None else low), (mp.inf if high is None else high)
    near(x, low, high)
    near(low, high)
    if x >= high or low >= high:
        return 0 * ONE, 0 * ONE, ONE
    return (0 * ONE, ONE, 0 * ONE) if x < low else (ONE, 0 * ONE, 0 * ONE)


def zeta_slopes(s, q):
    if not (1 < s < 40 and 0 < q < 1000):
        raise ArithmeticError
    return None, -s * mp.zeta(s + 1, q)


def xlogy_slopes(x, y):
    return guarded(y > 0, mp.log(y)) if y > 0 else None, (0 * ONE if x == 0 and y >= 0 else guarded(y != 0, x / y)) if y >= 0 else None


def xlog1py_slopes(x, y):
    return (mp.log1p(y) if y > -1 else None), (x / (1 + y) if y > -1 else 0 * ONE if x == 0 and y == -1 else None)


def off_cut(x):
    """On the axes, where branches are cut, the sign of a zero decides, which numbers here do not have."""
    if isinstance(x, mpc) and (x.real == 0 or x.imag == 0):
        raise ArithmeticError
    return x


def of_log(x, slope):
    """Logarithms and roots of real numbers need positive ones."""
    real_only(x, isinstance(x, mpc) or x > 0)
    return slope


def magnitude_slope(z):
    return z / mp.sqrt(mp.re(z) ** 2 + mp.im(z) ** 2) if z != 0 else 0 * ONE


def angle_slope(z):
    if isinstance(z, mpf) or z == 0:
        return guarded(z != 0 or isinstance(z, mpc), 0 * ONE)
    return mpc(0, 1) / mp.conj(z)


def sgn_slope(z):
    """Of the real part of z / |z|."""
    if isinstance(z, mpf) or z == 0:
        return guarded(z != 0 or isinstance(z, mpc), 0 * ONE)
    a, b = mp.re(z), mp.im(z)
    return mpc(b * b, -a * b) / abs(z) ** 3


def smooth_switch(x, low, high, inside, outside):
    near(x, low, high)
    return inside if low < x < high else outside


# For each operator the derivatives by its operands. What has none at a point raises ArithmeticError or gives None.
SLOPES = {
    "exp": mp.exp, "exp2": exp2_slope, "expm1": mp.exp,
    "log": lambda x: of_log(x, 1 / x), "log2": lambda x: of_log(x, 1 / (x * LN2)), "log10": lambda x: of_log(x, 1 / (x * LN10)),
    "log1p": lambda x: of_log(x + 1, 1 / (1 + x)), "sqrt": lambda x: of_log(off_cut(x), 1 / (2 * mp.sqrt(x))),
    "rsqrt": lambda x: of_log(off_cut(x), -1 / (2 * x * mp.sqrt(x))), "reciprocal": lambda x: -1 / (x * x), "square": lambda x: 2 * x,
    "sin": mp.cos, "cos": lambda x: -mp.sin(x), "tan": lambda x: 1 / mp.cos(x) ** 2,
    "asin": lambda x: inner(off_cut(x), lambda x: 1 / (mp.sqrt(1 - x) * mp.sqrt(1 + x))),
    "acos": lambda x: inner(off_cut(x), lambda x: -1 / (mp.sqrt(1 - x) * mp.sqrt(1 + x))),
    "atan": lambda x: 1 / (1 + x * x), "sinh": mp.cosh, "cosh": mp.sinh, "tanh": lambda x: mp.sech(x) ** 2,
    "asinh": lambda x: 1 / mp.sqrt(1 + off_cut(x) ** 2), "acosh": lambda x: of_log(off_cut(x) - 1, 1 / (mp.sqrt(x - 1) * mp.sqrt(x + 1))),
    "atanh": lambda x: inner(x, lambda x: 1 / (1 - x * x)),
    "atan2": atan2_slopes, "hypot": hypot_slopes,
    "erf": lambda x: 2 / mp.sqrt(PI) * mp.exp(-x * x), "erfc": lambda x: -2 / mp.sqrt(PI) * mp.exp(-x * x),
    "erfinv": lambda x: inner(x, lambda x: mp.sqrt(PI) / 2 * mp.exp(mp.erfinv(x) ** 2)),
    "erfcx": erfcx_slope, "ndtri": ndtri_slope, "log_ndtr": log_ndtr_slope, "igamma": incomplete_slopes(1), "igammac": incomplete_slopes(-1),
    "sigmoid": lambda x: sigmoid(x) * sigmoid(-x), "log_sigmoid": lambda x: sigmoid(-x),
    "logaddexp": logaddexp_slopes, "logaddexp2": lambda a, b: (sigmoid((a - b) * LN2), sigmoid((b - a) * LN2)),
    "xlogy": xlogy_slopes, "xlog1py": xlog1py_slopes,
    "lgamma": lambda x: digamma_slope(0, x), "digamma": lambda x: digamma_slope(1, x), "polygamma": lambda n, x: digamma_slope(int(n) + 1, x),
    "zeta": zeta_slopes,
    "i0": lambda x: bessel(1, x), "i1": lambda x: bessel(0, x) - bessel(1, x) / x if x else ONE / 2,
    "i0e": lambda x: guarded(x != 0, scaled(x, bessel(1, x) - sign(x) * bessel(0, x))),
    "i1e": lambda x: guarded(x != 0, scaled(x, bessel(0, x) - bessel(1, x) / x - sign(x) * bessel(1, x))),
    "neg": lambda x: -ONE, "abs": lambda x: guarded(x != 0, magnitude_slope(x)), "sign": lambda x, *_: guarded(x != 0, 0 * ONE),
    "sgn": sgn_slope, "_conj_physical": lambda x: ONE, "angle": angle_slope, "frac": lambda x: ONE,
    "relu": lambda x: step(x, 0, mp.inf), "gelu": gelu_slope,
    "silu": lambda x: sigmoid(x) * (1 + x * sigmoid(-x)), "mish": mish_slope,
    "hardswish": lambda x: smooth_switch(x, -3, 3, x / 3 + ONE / 2, ONE if x > 0 else 0 * ONE),
    "hardsigmoid": lambda x: step(x, -3, 3) / 6, "hardtanh": lambda x, low, high: step(x, low, high), "relu6": lambda x: step(x, 0, 6),
    "leaky_relu": lambda x, slope: smooth_switch(x, 0, mp.inf, ONE, slope), "elu": elu_slope,
    "selu": lambda x: elu_slope(x, mpf(1.6732632423543772), mpf(1.0507009873554805), ONE), "celu": lambda x, alpha: elu_slope(x, alpha, ONE, 1 / alpha),
    "softplus": lambda x, beta, limit: smooth_switch(x * beta, -mp.inf, limit, sigmoid(x * beta), ONE),
    "threshold": lambda x, limit, _: step(x, limit, mp.inf),
    "hardshrink": lambda x, limit: smooth_switch(x, -limit, limit, 0 * ONE, ONE),
    "softshrink": lambda x, limit: smooth_switch(x, -limit, limit, 0 * ONE, ONE),
    "clamp": clamp_slope, "clip": clamp_slope, "clamp_min": lambda x, low: clamp_slope(x, low, None), "clamp_max": lambda x, high: clamp_slope(x, None, high),
    "clamp.Tensor": clamp_slopes, "clip.Tensor": clamp_slopes, "nan_to_num": lambda x, *_: ONE,
    "add": lambda a, b, alpha: (ONE, alpha), "sub": lambda a, b, alpha: (ONE, -alpha), "mul": lambda a, b: (b, a), "rsub": lambda a, b, alpha: (-alpha, ONE),
    "div": lambda a, b, *mode: rounded_quotient(a, b, mode and mode[0]), "floor_divide": lambda a, b: (0 * ONE, 0 * ONE),
    "remainder": modulo(mp.floor), "fmod": modulo(lambda x: mp.floor(x) if x > 0 else mp.ceil(x)),
    "pow": lambda x, e: (power_base(x, e), power_exponent(x, e)), "float_power": lambda x, e: (power_base(x, e), power_exponent(x, e)),
    "minimum": extremum(lambda a, b: a < b), "maximum": extremum(lambda a, b: a > b), "fmin": extremum(lambda a, b: a < b), "fmax": extremum(lambda a, b: a > b),
    "copysign": lambda x, y: (guarded(x != 0 and y != 0, sign(x) * sign(y)), 0 * ONE), "nextafter": lambda x, y: (ONE, 0 * ONE),
    "heaviside": lambda x, v: (0 * ONE, ONE if x == 0 else 0 * ONE),
    "addcmul": lambda x, a, b, value: (ONE, value * b, value * a), "addcdiv": lambda x, a, b, value: (ONE, value / b, -value * a / (b * b)),
    "lerp": lambda a, b, w: (1 - w, w, b - a),
    "sinc": sinc_slope, "entr": lambda x: guarded(x > 0, -mp.log(x) - 1), "ndtr": lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * PI),
    "logit": lambda x, eps: guarded(0 < x < 1 and (eps is None or eps < x < 1 - eps), 1 / (x * (1 - x))) if eps is None or eps < x < 1 - eps else 0 * ONE,
    "deg2rad": lambda x: PI / 180, "rad2deg": lambda x: 180 / PI, "ldexp": lambda x, e: (mp.power(2, e), x * LN2 * mp.power(2, e)),
    "frexp": lambda x: guarded(x != 0, mpf(2) ** -(mp.frexp(x)[1])),
    "sigmoid_backward": lambda g, y: ((1 - y) * y, g * (1 - 2 * y)), "tanh_backward": lambda g, y: (1 - y * y, -2 * g * y),
    "threshold_backward": lambda g, x, limit: (step(x, limit, mp.inf), 0 * ONE),
    "leaky_relu_backward": lambda g, x, slope, _: (smooth_switch(x, 0, mp.inf, ONE, slope), 0 * ONE),
}
SLOPES |= {"floor": SLOPES["sign"], "ceil": SLOPES["sign"], "round": SLOPES["sign"], "trunc": SLOPES["sign"]}
SLOPES |= {"true_divide": SLOPES["div"], "divide": SLOPES["div"], "multiply": SLOPES["mul"], "subtract": SLOPES["sub"], "arctan2": SLOPES["atan2"]}
SLOPES |= {"max": SLOPES["maximum"], "min": SLOPES["minimum"], "fix": SLOPES["sign"], "absolute": SLOPES["abs"], "negative": SLOPES["neg"], "conj_physical": SLOPES["_conj_physical"]}
SLOPES |= {"expit": SLOPES["sigmoid"], "gammaln": SLOPES["lgamma"], "psi": SLOPES["digamma"]}
SLOPES |= {"gammainc": SLOPES["igamma"], "gammaincc": SLOPES["igammac"], "modified_bessel_i0": SLOPES["i0"], "modified_bessel_i1": SLOPES["i1"]}


def find(name):
    name = name.removeprefix("aten::").removeprefix("special_").replace("arc", "a")
    return SLOPES.get(name) or SLOPES.get(name.split(".")[0])


def fits(ours, true, dtype, ulps, is_of_result):
    """Whether a number is the true one, or what it overflows or underflows to, within some units in the last place."""
    precision, low, high = FORMATS[dtype]
    size = abs(true)
    if not mp.isfinite(true):
        return True
    exponent = max(int(mp.floor(mp.log(size, 2))), low) if size else low
    exponent = max(exponent, 0) if is_of_result else exponent
    unit = mpf(2) ** (exponent - precision + 1)
    largest = (2 - mpf(2) ** (1 - precision)) * mpf(2) ** high
    if isinstance(ours, tuple) and size > largest:
        return True  # Which parts of a complex infinity are infinite is no matter of derivatives.
    parts = ours if isinstance(ours, tuple) else (ours,)
    if any(part != part for part in parts):
        return False
    if any(abs(part) == float("inf") for part in parts):
        same = isinstance(ours, tuple) or (ours > 0) == (true > 0)
        return same and size + ulps * unit > largest
    return abs(exact(ours) - true) <= ulps * unit


def allowance(case, dtype):
    """Units in the last place, and whether they are those of 1. In float64, whose exponents are largest, exponentials magnify the rounding of their
    arguments most; some formulas end in a difference of numbers near 1."""
    name = case["name"].removeprefix("aten::").removeprefix("special_").split(".")[0]
    if dtype == "float64" and name in ("pow", "float_power", "logaddexp", "ndtr", "log_ndtr"):
        return 2000, False
    if name in ("sinc", "i0e", "i1e"):
        return case["ulps"], True
    return case["ulps"], case["isOfResult"]


def operands(case):
    """The operands of each call: one tensor's elements are paired with another's."""
    columns = []
    for argument in case["arguments"]:
        if "tensor" in argument:
            columns.append([exact(x) for x in numbers(argument)])
        elif "double" in argument:
            columns.append(eval(argument["double"].replace("inf", "mp.inf"), {"complex": mpc, "mp": mp}) + 0 * ONE)
        else:
            columns.append(mpf(argument["int"]) if "int" in argument else argument.get("string", argument.get("bool")))
    length = max(len(c) for c in columns if isinstance(c, list))
    return [tuple(c[i] if isinstance(c, list) else c for c in columns) for i in range(length)]


def judge(case, counts):
    slopes = lru_cache(maxsize=None)(find(case["name"]))
    where = [i for i, a in enumerate(case["arguments"]) if "tensor" in a]
    ours = [g and numbers(g) for g in case["gradients"]]
    dtype, wrong = next(g["tensor"] for g in case["gradients"] if g), []
    for index, point in enumerate(operands(case)):
        try:
            true = slopes(*point)
        except (ArithmeticError, ValueError):
            continue
        true = true if isinstance(true, tuple) else (true,)
        for k, argument in enumerate(where):
            expected = true[argument] if len(true) > 1 else true[0]
            if expected is None or ours[k] is None:
                continue
            expected = mp.conj(expected) if dtype.startswith("complex") and case["isHolomorphic"] else expected
            counts[0] += 1
            if not fits(ours[k][index], expected, dtype, *allowance(case, dtype)):
                shown = ", ".join(mp.nstr(x, 6) if isinstance(x, (mpf, mpc)) else str(x) for x in point)
                got = complex(*ours[k][index]) if isinstance(ours[k][index], tuple) else ours[k][index]
                wrong.append(f"by operand {k} at ({shown}): {got:.7g}, not {mp.nstr(expected, 8)}")
    return wrong


cases, counts = json.load(open(sys.argv[1])), [0]
for case in cases:
    if not find(case["name"]):
        print(f"{case['name']}: no derivative to compare with")
        continue
    wrong = judge(case, counts)
    if wrong:
        dtype = next(a["tensor"] for a in case["arguments"] if "tensor" in a)
        print(f"{case['name']} {case['text']} {dtype}: {len(wrong)} wrong, " + "; ".join(wrong[:4]))
print(f"judged {counts[0]}")
