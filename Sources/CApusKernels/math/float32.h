/// float32 functions that vectorise: no branches, no tables, no conversions that could trap. Meant to be inlined into APUS_CLONES loops.
#ifndef APUS_MATH_FLOAT32_H
#define APUS_MATH_FLOAT32_H
#include "float64.h"

APUS_INLINE uint32_t apus_bits_f32(float x) {
    uint32_t b;
    memcpy(&b, &x, 4);
    return b;
}
APUS_INLINE float apus_from_bits_f32(uint32_t b) {
    float x;
    memcpy(&x, &b, 4);
    return x;
}

/// 1.5 * 2^23: adding it rounds to an integer, which the low bits then hold.
#define APUS_MAGIC_F32 12582912.0f

/// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2
APUS_INLINE float apus_exp_tail_f32(float r) {
    float p = 1.991917740e-04f;
    p = p * r + 1.394696089e-03f;
    p = p * r + 8.333263070e-03f;
    p = p * r + 4.166625858e-02f;
    p = p * r + 1.666666687e-01f;
    return p * r + 5.000000081e-01f;
}
/// y * 2^n, in two factors so that results may be denormal.
APUS_INLINE float apus_scale_f32(float y, int32_t n) {
    int32_t half = n >> 1;
    return y * apus_from_bits_f32((uint32_t)(half + 127) << 23) * apus_from_bits_f32((uint32_t)(n - half + 127) << 23);
}
/// e^x * 2^shift: x = n ln 2 + r with |r| <= ln 2 / 2.
APUS_INLINE float apus_exp_scaled_f32(float x, int32_t shift) {
    float held = x < -110.0f ? -110.0f : x;
    held = held > 100.0f ? 100.0f : held;
    float t = held * 1.44269504089f + APUS_MAGIC_F32;
    float n = t - APUS_MAGIC_F32;
    float r = held - n * 0.693359375f; // 9 bits: exact
    r = r - n * -2.12194440e-4f;
    float y = (apus_exp_tail_f32(r) * (r * r) + r) + 1.0f;
    return apus_scale_f32(y, (int32_t)(apus_bits_f32(t) - apus_bits_f32(APUS_MAGIC_F32)) + shift);
}
APUS_INLINE float apus_exp_f32(float x) { return apus_exp_scaled_f32(x, 0); }
/// e^x where -87 <= x <= 87 is known: no clamps, one factor.
APUS_INLINE float apus_exp_bounded_f32(float x) {
    float t = x * 1.44269504089f + APUS_MAGIC_F32;
    float n = t - APUS_MAGIC_F32;
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float y = (apus_exp_tail_f32(r) * (r * r) + r) + 1.0f;
    return y * apus_from_bits_f32((apus_bits_f32(t) - apus_bits_f32(APUS_MAGIC_F32) + 127u) << 23);
}
/// e^x for x <= 0, with results below the normal numbers as 0: for sums of exponentials.
APUS_INLINE float apus_exp_negative_f32(float x) {
    float y = apus_exp_bounded_f32(x < -87.0f ? -87.0f : x);
    return x < -87.0f ? 0.0f : y;
}
APUS_INLINE float apus_exp2_f32(float x) {
    float held = x < -160.0f ? -160.0f : x;
    held = held > 140.0f ? 140.0f : held;
    float t = held + APUS_MAGIC_F32;
    float r = (held - (t - APUS_MAGIC_F32)) * 0.693147180560f;
    float y = (apus_exp_tail_f32(r) * (r * r) + r) + 1.0f;
    return apus_scale_f32(y, (int32_t)(apus_bits_f32(t) - apus_bits_f32(APUS_MAGIC_F32)));
}
/// 2^n (e^r - 1) + (2^n - 1), with one factor 2 kept back where 2^n would overflow.
APUS_INLINE float apus_expm1_f32(float x) {
    float held = x < -30.0f ? -30.0f : x;
    held = held > 100.0f ? 100.0f : held;
    float t = held * 1.44269504089f + APUS_MAGIC_F32;
    float n = t - APUS_MAGIC_F32;
    float r = held - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float e = apus_exp_tail_f32(r) * (r * r) + r;
    uint32_t whole = apus_bits_f32(t) - apus_bits_f32(APUS_MAGIC_F32);
    bool big = n > 127.0f;
    float factor = apus_from_bits_f32((whole + (big ? 126u : 127u)) << 23);
    float y = big ? (e * factor + factor) * 2.0f : e * factor + (factor - 1.0f);
    y = x > 88.8f ? (float)INFINITY : y;
    return x == 0 ? x : y;
}

/// log x = log m + e ln 2 for x = 2^e m, m in [sqrt(1/2), sqrt(2)); returns the first, sets the exponent.
APUS_INLINE float apus_log_parts_f32(float x, float *exponent) {
    bool tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 8388608.0f : x;
    uint32_t bits = apus_bits_f32(scaled) + (0x3F800000u - 0x3F3504F3u);
    *exponent = (float)(int32_t)(bits >> 23) - (tiny ? 150.0f : 127.0f);
    float f = apus_from_bits_f32((bits & 0x007FFFFFu) + 0x3F3504F3u) - 1.0f;
    return f;
}
/// (log(1 + f) - f + f^2 / 2) / f^3
APUS_INLINE float apus_log_tail_f32(float f) {
    float p = 6.917984074e-02f;
    p = p * f + -1.177966706e-01f;
    p = p * f + 1.186603515e-01f;
    p = p * f + -1.238579852e-01f;
    p = p * f + 1.421991860e-01f;
    p = p * f + -1.666919745e-01f;
    p = p * f + 2.000215140e-01f;
    p = p * f + -2.499998688e-01f;
    return p * f + 3.333331183e-01f;
}
/// What logarithms of zero, negative numbers, infinity and NaN are; `y` for others.
APUS_INLINE float apus_log_special_f32(float x, float y) {
    y = x == 0 ? -(float)INFINITY : y;
    y = x < 0 ? (float)NAN : y;
    return x == (float)INFINITY || x != x ? x : y;
}
APUS_INLINE float apus_log_f32(float x) {
    float e, f = apus_log_parts_f32(x, &e);
    float y = apus_log_tail_f32(f) * f * (f * f);
    y += e * -2.12194440e-4f;
    y += -0.5f * f * f;
    return apus_log_special_f32(x, (f + y) + e * 0.693359375f);
}
/// f log2(e) in two parts, so that the product keeps its precision.
APUS_INLINE float apus_log2_f32(float x) {
    float e, f = apus_log_parts_f32(x, &e);
    float y = apus_log_tail_f32(f) * f * (f * f) - 0.5f * f * f;
    float z = y * 0.44269504089f + f * 0.44269504089f; // log2(e) - 1
    return apus_log_special_f32(x, ((z + y) + f) + e);
}
APUS_INLINE float apus_log10_f32(float x) {
    float e, f = apus_log_parts_f32(x, &e);
    float y = apus_log_tail_f32(f) * f * (f * f) - 0.5f * f * f;
    double sum = ((double)f + (double)y) * 0.43429448190325182765 + (double)e * 0.30102999566398119521;
    return apus_log_special_f32(x, (float)sum);
}
/// What rounding 1 + x loses is put back.
APUS_INLINE float apus_log1p_f32(float x) {
    float u = 1.0f + x, lost = x - (u - 1.0f);
    bool usable = u > 0 && u < (float)INFINITY;
    float y = apus_log_f32(u) + (usable ? lost / u : 0.0f);
    return x == 0 ? x : y;
}

/// By e^-|x|, which does not overflow: small results keep their precision.
APUS_INLINE float apus_sigmoid_f32(float x) {
    float e = apus_exp_f32(-__builtin_elementwise_abs(x));
    return (x < 0 ? e : 1.0f) / (1.0f + e);
}
/// x / (1 + e^-x), where e^-x may overflow, and what is far below 1 does not count. Half of e^-x is what is computed: its power of two stays in range as long as
/// e^-x does.
APUS_INLINE float apus_silu_f32(float x) {
    float held = x > 86.0f ? 86.0f : x;
    held = held < -89.0f ? -89.0f : held;
    float t = held * -1.44269504089f + APUS_MAGIC_F32;
    float n = t - APUS_MAGIC_F32;
    float r = -held - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float y = (apus_exp_tail_f32(r) * (r * r) + r) + 1.0f;
    float half = y * apus_from_bits_f32((apus_bits_f32(t) - apus_bits_f32(APUS_MAGIC_F32) + 126u) << 23);
    return x / (half * 2.0f + 1.0f);
}

/// Below 0.625 an odd polynomial, above 1 - 2 / (e^2x + 1).
APUS_INLINE float apus_tanh_f32(float x) {
    float a = __builtin_elementwise_abs(x), z = x * x;
    float p = -5.719363997e-03f;
    p = p * z + 2.065328798e-02f;
    p = p * z + -5.374458579e-02f;
    p = p * z + 1.333150892e-01f;
    p = p * z + -3.333328486e-01f;
    float small = p * z * x + x;
    float held = a > 10.0f ? 10.0f : a; // beyond, the result is 1
    float large = 1.0f - 2.0f / (apus_exp_bounded_f32(2.0f * held) + 1.0f);
    return __builtin_elementwise_copysign(a < 0.625f ? small : large, x); // -0 is its own
}
APUS_INLINE float apus_sinh_f32(float x) {
    float a = __builtin_elementwise_abs(x), z = x * x;
    float p = 2.817462295e-06f;
    p = p * z + 1.983606394e-04f;
    p = p * z + 8.333350598e-03f;
    p = p * z + 1.666666649e-01f;
    float h = apus_exp_scaled_f32(a, -1); // half of e^a: does not overflow before the result does
    float large = h - 0.25f / h;
    return a < 1.0f ? p * z * x + x : __builtin_elementwise_copysign(large, x);
}
APUS_INLINE float apus_cosh_f32(float x) {
    float h = apus_exp_scaled_f32(__builtin_elementwise_abs(x), -1);
    return h + 0.25f / h;
}
APUS_INLINE float apus_asinh_f32(float x) {
    double a = (double)__builtin_elementwise_abs(x), z = a * a;
    float y = (float)apus_log1p_f64(a + z / (1.0 + __builtin_elementwise_sqrt(z + 1.0)));
    y = a == (double)INFINITY ? (float)INFINITY : y;
    return __builtin_elementwise_copysign(y, x);
}
APUS_INLINE float apus_acosh_f32(float x) {
    double t = (double)x - 1.0;
    float y = (float)apus_log1p_f64(t + __builtin_elementwise_sqrt(t * (t + 2.0)));
    return x < 1.0f ? (float)NAN : y;
}
APUS_INLINE float apus_atanh_f32(float x) {
    double a = (double)__builtin_elementwise_abs(x);
    float y = (float)(0.5 * apus_log1p_f64(2.0 * a / (1.0 - a)));
    y = a > 1.0 ? (float)NAN : y;
    return __builtin_elementwise_copysign(y, x);
}

/// (asin(sqrt z) / sqrt z - 1) / z for z <= 1/4
APUS_INLINE float apus_asin_tail_f32(float z) {
    float p = 3.749520631e-02f;
    p = p * z + 1.445874954e-02f;
    p = p * z + 3.180058939e-02f;
    p = p * z + 4.451812058e-02f;
    p = p * z + 7.500495548e-02f;
    return p * z + 1.666666022e-01f;
}
APUS_INLINE float apus_asin_f32(float x) {
    float a = __builtin_elementwise_abs(x);
    bool far = a > 0.5f;
    float z = far ? 0.5f * (1.0f - a) : a * a, s = far ? __builtin_elementwise_sqrt(z) : a;
    float y = apus_asin_tail_f32(z) * z * s + s;
    y = far ? (1.57079637050628662f - 2.0f * y) + -4.37113882867e-8f : y;
    return __builtin_elementwise_copysign(y, x);
}
APUS_INLINE float apus_acos_f32(float x) {
    float a = __builtin_elementwise_abs(x);
    bool far = a > 0.5f;
    float z = far ? 0.5f * (1.0f - a) : a * a, s = far ? __builtin_elementwise_sqrt(z) : x;
    float y = apus_asin_tail_f32(z) * z * s + s;
    float near_result = (1.57079637050628662f - y) + -4.37113882867e-8f;
    float far_result = x > 0 ? 2.0f * y : (3.14159274101257324f - 2.0f * y) + -8.74227765735e-8f;
    return far ? far_result : near_result;
}
/// atan of a >= 0.
APUS_INLINE float apus_atan_positive_f32(float a) {
    bool high = a > 2.414213562f, middle = a > 0.414213562f;
    float t = high ? -1.0f / a : middle ? (a - 1.0f) / (a + 1.0f) : a;
    float base = high ? 1.57079637050628662f : middle ? 0.78539818525314331f : 0.0f;
    float rest = high ? -4.37113882867e-8f : middle ? -2.18556941434e-8f : 0.0f;
    float z = t * t;
    float p = -6.088966880e-02f;
    p = p * z + 1.059876765e-01f;
    p = p * z + -1.424433057e-01f;
    p = p * z + 1.999852330e-01f;
    p = p * z + -3.333331629e-01f;
    return base + ((p * z * t + rest) + t);
}
APUS_INLINE float apus_atan_f32(float x) {
    return __builtin_elementwise_copysign(apus_atan_positive_f32(__builtin_elementwise_abs(x)), x);
}
APUS_INLINE float apus_atan2_f32(float y, float x) {
    float ax = __builtin_elementwise_abs(x), ay = __builtin_elementwise_abs(y);
    bool steep = ay > ax;
    double high = steep ? (double)ay : (double)ax, low = steep ? (double)ax : (double)ay;
    float ratio = high == 0 ? 0.0f : low == (double)INFINITY ? 1.0f : (float)(low / high);
    double angle = (double)apus_atan_positive_f32(ratio);
    angle = steep ? 1.57079632679489661923 - angle : angle;
    angle = apus_bits_f32(x) >> 31 ? 3.14159265358979323846 - angle : angle;
    float result = __builtin_elementwise_copysign((float)angle, y);
    return x != x || y != y ? (float)NAN : result;
}
APUS_INLINE float apus_hypot_f32(float x, float y) {
    double a = (double)x, b = (double)y;
    float h = (float)__builtin_elementwise_sqrt(a * a + b * b);
    bool infinite = __builtin_elementwise_abs(x) == (float)INFINITY || __builtin_elementwise_abs(y) == (float)INFINITY;
    return infinite ? (float)INFINITY : h;
}

/// erf x for |x| < 0.75.
APUS_INLINE float apus_erf_small_f32(float x) {
    float z = x * x;
    float p = -6.712672987e-04f;
    p = p * z + 5.109770179e-03f;
    p = p * z + -2.683268136e-02f;
    p = p * z + 1.128334397e-01f;
    p = p * z + -3.761261694e-01f;
    // The leading coefficient, 2 / sqrt(pi), as 1 + rest: the product with x then rounds once.
    return p * z * x + (x * 0.128379165f + x);
}
/// Below 0.75 an odd polynomial; above, erfc as the exponential of a polynomial.
APUS_INLINE float apus_erf_f32(float x) {
    float a = __builtin_elementwise_abs(x), small = apus_erf_small_f32(x);
    float held = a > 4.0f ? 4.0f : a;
    float q = -1.759193600e-05f;
    q = q * held + 3.954695545e-04f;
    q = q * held + -3.989846334e-03f;
    q = q * held + 2.466341179e-02f;
    q = q * held + -1.076086313e-01f;
    q = q * held + -6.339258721e-01f;
    q = q * held + -1.129243997e+00f;
    q = q * held + 1.215458912e-04f;
    float large = 1.0f - apus_exp_bounded_f32(q);
    float y = __builtin_elementwise_copysign(a < 0.75f ? small : large, x); // -0 is its own
    return x != x ? x : y;
}

/// The distribution function of the normal distribution: 2^q of a polynomial q, which is its logarithm for -|x|. Within 1e-7 of the true value, and zero or one where
/// that is.
APUS_INLINE float apus_normal_f32(float x) {
    float a = __builtin_elementwise_abs(x), held = a > 5.7f ? 5.7f : a;
    float q = 3.236887096e-07f;
    q = q * held + -6.964326985e-06f;
    q = q * held + 6.070898598e-05f;
    q = q * held + -2.437704097e-04f;
    q = q * held + -4.942964733e-05f;
    q = q * held + 6.988400593e-03f;
    q = q * held + -5.246180668e-02f;
    q = q * held + -4.592155218e-01f;
    q = q * held + -1.151104689e+00f;
    q = q * held;
    float t = q + APUS_MAGIC_F32, r = q - (t - APUS_MAGIC_F32);
    float p = 1.547589636e-04f;
    p = p * r + 1.340028364e-03f;
    p = p * r + 9.618005715e-03f;
    p = p * r + 5.550327897e-02f;
    p = p * r + 2.402265072e-01f;
    p = p * r + 6.931471825e-01f;
    p = p * r + 1.0f;
    // One more than its exponent is the sum with the bits of t, shifted: half of it is meant.
    float tail = apus_from_bits_f32(apus_bits_f32(p) + ((apus_bits_f32(t) - 1) << 23));
    tail = a > 5.7f ? 0.0f : tail;
    return x < 0 ? tail : 1.0f - tail;
}
/// e^(-a^2) times a polynomial in (a - 3) / (a + 3), over 1 + 2 a; the exponent keeps what rounding the square loses.
APUS_INLINE float apus_erfc_f32(float x) {
    float magnitude = __builtin_elementwise_abs(x), a = magnitude > 10.3f ? 10.3f : magnitude; // beyond, the result is 0 or 2
    float high = apus_from_bits_f32(apus_bits_f32(a) & 0xFFFFF000u);                          // 12 bits: its square is exact
    float square = a * a, lost = (high * high - square) + (a - high) * (a + high);
    float e = apus_exp_f32(-square);
    e = e - e * lost;
    float q = (a - 3.0f) / (a + 3.0f);
    float p = -2.754560187e-04f;
    p = p * q + -7.931825779e-04f;
    p = p * q + 1.998225099e-03f;
    p = p * q + 2.578218072e-03f;
    p = p * q + -2.379245833e-02f;
    p = p * q + 6.829323999e-02f;
    p = p * q + -1.192722924e-01f;
    p = p * q + 1.296466479e-01f;
    p = p * q + -4.756229860e-02f;
    p = p * q + -1.356211463e-01f;
    p = p * q + 1.253008058e+00f;
    float y = e * p / (1.0f + 2.0f * a), close = 1.0f - apus_erf_small_f32(x);
    return magnitude < 0.5f ? close : x < 0 ? 2.0f - y : y;
}
/// The inverse of erf by polynomials in w = -log(1 - x^2) and its root (Giles, 2010, of the form).
APUS_INLINE float apus_erfinv_f32(float x) {
    float w = -apus_log_f32((1.0f - x) * (1.0f + x));
    float u = w - 2.5f, v = __builtin_elementwise_sqrt(w) - 3.0f;
    float c = -8.931925970e-09f;
    c = c * u + 2.333596720e-08f;
    c = c * u + 4.681313481e-07f;
    c = c * u + -3.463985268e-06f;
    c = c * u + -4.972419689e-06f;
    c = c * u + 2.183493862e-04f;
    c = c * u + -1.252726392e-03f;
    c = c * u + -4.177392875e-03f;
    c = c * u + 2.466402791e-01f;
    c = c * u + 1.501409360e+00f;
    float t = -1.568329425e-05f;
    t = t * v + 5.599839527e-05f;
    t = t * v + -4.372631286e-05f;
    t = t * v + -2.204335929e-04f;
    t = t * v + 1.144938448e-03f;
    t = t * v + -3.445270510e-03f;
    t = t * v + 6.843371451e-03f;
    t = t * v + 1.002662396e+00f;
    t = t * v + 2.832801992e+00f;
    float tail = __builtin_elementwise_abs(x) == 1.0f ? (float)INFINITY : t;
    return w < 5.0f ? c * x : __builtin_elementwise_copysign(tail, x);
}

/// x^y by way of float64, whose extra bits make up for the exponential's sensitivity; polynomials as short as float32 allows.
APUS_INLINE float apus_pow_f32(float x, float y) {
    double ax = (double)__builtin_elementwise_abs(x);
    uint64_t bits = apus_bits_f64(ax) + (0x3FF0000000000000u - 0x3FE6A09E00000000u);
    double e = apus_from_bits_f64((bits >> 52) | 0x4330000000000000u) - (4503599627370496.0 + 1023.0);
    double f = apus_from_bits_f64((bits & 0x000FFFFFFFFFFFFFu) + 0x3FE6A09E00000000u) - 1.0;
    double s = f / (2.0 + f), z = s * s; // log m = 2 atanh s
    double p = 2.3579399097849e-01;
    p = p * z + 2.8537478436246e-01;
    p = p * z + 4.0000331926576e-01;
    p = p * z + 6.6666665664383e-01;
    double log2_x = ((p * z) * s + 2.0 * s) * 1.4426950408889634074 + e;
    log2_x = ax == 0 ? -(double)INFINITY : ax == (double)INFINITY || ax != ax ? ax : log2_x;
    double w = (double)y * log2_x;
    w = w < -200.0 ? -200.0 : w;
    w = w > 200.0 ? 200.0 : w;
    double t = w + APUS_MAGIC_F64, r = (w - (t - APUS_MAGIC_F64)) * 0.69314718055994530942;
    double q = 1.3950461291995e-03;
    q = q * r + 8.3688756514987e-03;
    q = q * r + 4.1666206324216e-02;
    q = q * r + 1.6666518969797e-01;
    q = q * r + 5.0000000949732e-01;
    double power = (q * (r * r) + r) + 1.0;
    float result = (float)(power * apus_from_bits_f64((apus_bits_f64(t) - apus_bits_f64(APUS_MAGIC_F64) + 1023u) << 52));
    bool negative = apus_bits_f32(x) >> 31;
    bool whole = __builtin_elementwise_trunc(y) == y, odd = whole && __builtin_elementwise_trunc(y * 0.5f) != y * 0.5f;
    result = negative && odd ? -result : result;
    result = x < 0 && !whole && ax < (double)INFINITY ? (float)NAN : result;
    result = ax == 1.0 && __builtin_elementwise_abs(y) == (float)INFINITY ? 1.0f : result;
    return y == 0 || x == 1.0f ? 1.0f : result;
}

/// Whether `apus_quick_fmod_f32` is exact: the whole quotient times the divisor fits float64.
APUS_INLINE bool apus_has_quick_fmod_f32(float x, float y) {
    float divisor = __builtin_elementwise_abs(y);
    return (__builtin_elementwise_abs(x) < divisor * 268435456.0f) & (divisor < (float)INFINITY);
}
/// x - trunc(x / y) y, with the sign of x. The quotient may be rounded up to a whole number, never down below one.
APUS_INLINE float apus_quick_fmod_f32(float x, float y) {
    double size = (double)__builtin_elementwise_abs(x), divisor = (double)__builtin_elementwise_abs(y);
    double r = size - __builtin_elementwise_trunc(size / divisor) * divisor;
    r = r < 0 ? r + divisor : r;
    return __builtin_elementwise_copysign((float)r, x);
}

/// Arguments of sine, cosine and tangent that `apus_quadrant_f32` reduces exactly enough.
#define APUS_TRIG_LIMIT_F32 1000000.0f
/// x = quadrant * pi / 2 + rest + tail, |rest| <= pi / 4.
APUS_INLINE float apus_quadrant_f32(float x, uint32_t *quadrant, float *tail) {
    double t = (double)x * 0.63661977236758134308 + APUS_MAGIC_F64;
    double n = t - APUS_MAGIC_F64;
    double r = (double)x - n * 1.57079632673412561417e+00; // 33 bits: exact
    r = r - n * 6.07710050650619224932e-11;
    *quadrant = (uint32_t)apus_bits_f64(t);
    float rest = (float)r;
    *tail = (float)(r - (double)rest);
    return rest;
}
/// sin(rest + tail + quadrant * pi / 2)
APUS_INLINE float apus_sin_quadrant_f32(float r, float tail, uint32_t quadrant) {
    float z = r * r, h = 0.5f * z;
    float s = -1.951694858e-04f;
    s = s * z + 8.332176250e-03f;
    s = s * z + -1.666665493e-01f;
    float sine = (s * z * r + tail * (1.0f - h)) + r;
    float c = 2.443875750e-05f;
    c = c * z + -1.388737182e-03f;
    c = c * z + 4.166664700e-02f;
    float w = 1.0f - h;
    float cosine = w + (((1.0f - w) - h) + (c * z * z - r * tail));
    float y = quadrant & 1 ? cosine : sine;
    return apus_from_bits_f32(apus_bits_f32(y) ^ ((quadrant & 2) << 30));
}
APUS_INLINE float apus_sin_f32(float x) {
    uint32_t q;
    float tail, r = apus_quadrant_f32(x, &q, &tail), y = apus_sin_quadrant_f32(r, tail, q);
    return x == 0 ? x : y;
}
APUS_INLINE float apus_cos_f32(float x) {
    uint32_t q;
    float tail, r = apus_quadrant_f32(x, &q, &tail);
    return apus_sin_quadrant_f32(r, tail, q + 1);
}
APUS_INLINE float apus_tan_f32(float x) {
    uint32_t q;
    float tail, r = apus_quadrant_f32(x, &q, &tail), z = r * r;
    float p = 4.419008359e-03f;
    p = p * z + 8.750748012e-07f;
    p = p * z + 1.090747141e-02f;
    p = p * z + 2.125385663e-02f;
    p = p * z + 5.406552716e-02f;
    p = p * z + 1.333261313e-01f;
    p = p * z + 3.333335119e-01f;
    float slope = tail * (1.0f + z);
    float t = (p * z * r + slope) + r;
    float y = q & 1 ? -1.0f / t : t;
    return x == 0 ? x : y;
}
#endif
