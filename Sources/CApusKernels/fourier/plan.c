/// Factors and roots of unity.
#include "plan.h"

/// e^(-2 pi i k / n) for 0 <= k < n from two tables, of its high and of its low digits: a product each instead of a sine and a cosine.
typedef struct {
    int64_t n, digits;
    double *coarse, *fine;
} root_table;

/// Angles are reduced to an eighth of the circle first.
static void root(int64_t k, int64_t n, double *re, double *im) {
    int64_t eighth = 8 * k / n, rest = 8 * k - eighth * n; // the angle is (eighth + rest / n) pi / 4
    bool mirrored = eighth & 1;
    double angle = M_PI / 4 * (double)(mirrored ? n - rest : rest) / (double)n, c = cos(angle), s = sin(angle);
    int64_t quarter = (eighth + 1) / 2 % 4; // turns by a quarter, then by +- the angle
    s = mirrored ? -s : s;
    double x = quarter == 0 ? c : quarter == 1 ? -s : quarter == 2 ? -c : s, y = quarter == 0 ? s : quarter == 1 ? c : quarter == 2 ? -s : -c;
    *re = x;
    *im = -y;
}
static bool make_roots(root_table *t, int64_t n) {
    int64_t digits = 1;
    while (digits * digits < n) digits *= 2;
    *t = (root_table){.n = n, .digits = digits};
    t->coarse = apus_allocate((n / digits + 1) * 16);
    t->fine = apus_allocate(digits * 16);
    if (!t->coarse || !t->fine) return false;
    for (int64_t i = 0; i * digits < n; i++) root(i * digits, n, t->coarse + 2 * i, t->coarse + 2 * i + 1);
    for (int64_t i = 0; i < digits; i++) root(i % n, n, t->fine + 2 * i, t->fine + 2 * i + 1);
    return true;
}
static void free_roots(root_table *t) {
    apus_free(t->coarse);
    apus_free(t->fine);
}
static void look_up(const root_table *t, int64_t k, double *re, double *im) {
    const double *a = t->coarse + 2 * (k / t->digits), *b = t->fine + 2 * (k % t->digits);
    *re = a[0] * b[0] - a[1] * b[1];
    *im = a[0] * b[1] + a[1] * b[0];
}

static void put(const apus_fft_plan *p, void *table, int64_t at, double value) {
    if (p->dtype == APUS_FLOAT32) ((float *)table)[at] = (float)value;
    else ((double *)table)[at] = value;
}
/// Memory for `count` numbers of the plan's dtype.
static void *reserve(apus_fft_plan *p, int64_t count) {
    int64_t bytes = count * apus_dtype_size(p->dtype);
    p->size += bytes;
    return apus_allocate(bytes);
}

/// The radices of a length: sixteens and eights, and fours or a two; then odd primes. False where one is too large.
static bool factor(int64_t n, apus_fft_factors *f) {
    *f = (apus_fft_factors){.length = n};
    int twos = 0;
    while (n % 2 == 0) n /= 2, twos++;
    while (twos > 0) {
        int digits = twos == 4 || (twos > 6 && twos != 9) ? 4 : twos >= 5 ? 3 : twos;
        f->radix[f->stages++] = 1 << digits;
        twos -= digits;
    }
    for (int r = 3; r <= LARGEST_RADIX; r += 2)
        for (; n % r == 0; n /= r) f->radix[f->stages++] = r;
    return n == 1;
}
static bool fill_factors(apus_fft_plan *p, apus_fft_factors *f, const root_table *t) {
    int64_t left = f->length;
    for (int s = 0; s < f->stages; s++) {
        int64_t r = f->radix[s], m = left / r, apart = t->n / left;
        int64_t half = r > 5 && r % 2 ? r / 2 : 0, behind = m * (r - 1) * 2;
        void *roots = f->roots[s] = reserve(p, behind + 2 * half * half);
        if (!roots) return false;
        for (int64_t k = 1; k <= half; k++)
            for (int64_t j = 1; j <= half; j++) {
                double re, im;
                root(k * j % r, r, &re, &im);
                put(p, roots, behind + (k - 1) * half + j - 1, re);
                put(p, roots, behind + (half + k - 1) * half + j - 1, -im);
            }
        for (int64_t i = 0; i < m; i++)
            for (int64_t k = 1; k < r; k++) {
                double re, im;
                look_up(t, i * k * apart, &re, &im);
                put(p, roots, (i * (r - 1) + k - 1) * 2, re);
                put(p, roots, (i * (r - 1) + k - 1) * 2 + 1, im);
            }
        left = m;
    }
    return true;
}
static bool fill_reversed(apus_fft_plan *p, apus_fft_factors *f, const apus_fft_factors *other) {
    *f = (apus_fft_factors){.length = other->length, .stages = other->stages};
    for (int s = 0; s < f->stages; s++) f->radix[s] = other->radix[f->stages - 1 - s];
    root_table t;
    bool done = make_roots(&t, f->length) && fill_factors(p, f, &t);
    free_roots(&t);
    return done;
}
static void free_factors(apus_fft_factors *f) {
    for (int s = 0; s < f->stages; s++) apus_free(f->roots[s]);
}

/// What transforming lines of a length costs an element of them.
static double cost(const apus_fft_factors *f) {
    double sum = 1;
    for (int s = 0; s < f->stages; s++) sum += f->radix[s] == 16 ? 4.5 : f->radix[s] == 8 ? 3.5 : f->radix[s] <= 5 ? 1 + 0.6 * f->radix[s] : 2 + 0.9 * f->radix[s];
    return sum;
}
/// The matrix that a line is cheapest as; widths are padded.
static void split(apus_fft_plan *p) {
    double best = INFINITY;
    for (int64_t a = 2; a <= p->n / a; a++) {
        if (p->n % a) continue;
        for (int turn = 0; turn < 2; turn++) {
            int64_t rows = turn ? p->n / a : a, columns = p->n / rows;
            apus_fft_factors r, c;
            if (!factor(rows, &r) || !factor(columns, &c)) continue;
            double total = (double)(apus_fft_padded(columns) * rows) * cost(&r) + (double)(apus_fft_padded(rows) * columns) * cost(&c);
            if (total < best) best = total, p->rows = r, p->columns = c;
        }
    }
}

static bool make_twist(apus_fft_plan *p, const root_table *t) {
    if (!(p->twist = reserve(p, 2 * p->n))) return false;
    for (int64_t k = 0; k < p->rows.length; k++)
        for (int64_t j = 0; j < p->columns.length; j++) {
            double re, im;
            look_up(t, k * j, &re, &im);
            put(p, p->twist, k * p->columns.length + j, re);
            put(p, p->twist, p->n + k * p->columns.length + j, im);
        }
    return true;
}

/// A length not below `least` that is quick to transform: 1, 3 or 5 times a power of two, which is 32 at least.
static int64_t quick_length(int64_t least) {
    int64_t best = INT64_MAX;
    for (int64_t odd = 1; odd <= 5; odd += 2) {
        int64_t n = 32 * odd;
        while (n < least) n *= 2;
        best = APUS_MIN(best, n);
    }
    return best;
}
static bool make_chirp(apus_fft_plan *p) {
    int64_t n = p->n, m = quick_length(2 * n - 1), item = apus_dtype_size(p->dtype);
    if (!(p->convolution = apus_fft_plan_make(m, p->dtype, false))) return false;
    p->size += p->convolution->size;
    if (!fill_reversed(p, &p->back, &p->convolution->whole)) return false;
    p->chirp = reserve(p, 2 * n);
    p->chirp_transform = reserve(p, 2 * m);
    root_table t;
    char *line = apus_allocate(2 * m * item), *scratch = apus_allocate(apus_fft_line_scratch(p->convolution) * item);
    bool done = make_roots(&t, 2 * n) && p->chirp && p->chirp_transform && line && scratch;
    if (done) {
        memset(line, 0, (size_t)(2 * m * item));
        memset(scratch, 0, (size_t)(apus_fft_line_scratch(p->convolution) * item));
        for (int64_t j = 0; j < n; j++) {
            double re, im;
            look_up(&t, (int64_t)((unsigned __int128)j * (unsigned __int128)j % (unsigned __int128)(2 * n)), &re, &im);
            put(p, p->chirp, j, re);
            put(p, p->chirp, n + j, im);
            // The conjugates, on both sides of 0; the backward transform's 1 / m goes in here.
            for (int side = 0; side < 2; side++) {
                int64_t at = side && j > 0 ? m - j : j;
                put(p, line, at, re / (double)m);
                put(p, line, m + at, -im / (double)m);
            }
        }
        apus_fft_line(p->convolution, line, p->chirp_transform, scratch);
    }
    free_roots(&t);
    apus_free(line);
    apus_free(scratch);
    return done;
}

static int64_t power(int64_t base, int64_t exponent, int64_t n) {
    int64_t result = 1;
    for (; exponent > 0; exponent /= 2) {
        if (exponent & 1) result = result * base % n;
        base = base * base % n;
    }
    return result;
}
/// A generator of the numbers modulo n that are not 0; 0 where n is not prime, too large to tell, or n - 1 has a large factor.
static int64_t primitive_root(int64_t n) {
    apus_fft_factors f;
    if (n >= INT32_MAX || !factor(n - 1, &f)) return 0;
    for (int64_t d = 2; d <= n / d; d++)
        if (n % d == 0) return 0;
    for (int64_t g = 2; g < n; g++) {
        bool generates = power(g, (n - 1) / 2, n) != 1;
        for (int s = 0; s < f.stages && generates; s++)
            if (f.radix[s] % 2) generates = power(g, (n - 1) / f.radix[s], n) != 1;
        if (generates) return g;
    }
    return 0;
}
/// X[g^-q] = x[0] + sum over r of x[g^r] e^(-2 pi i g^(r - q) / n): a convolution over n - 1 (Rader).
static bool make_powers(apus_fft_plan *p, int64_t g) {
    int64_t n = p->n, m = n - 1, item = apus_dtype_size(p->dtype);
    if (!(p->convolution = apus_fft_plan_make(m, p->dtype, false))) return false;
    p->size += p->convolution->size + 2 * m * 8;
    p->powers = apus_allocate(m * 8);
    p->inverses = apus_allocate(m * 8);
    p->chirp_transform = reserve(p, 2 * m);
    root_table t;
    char *line = apus_allocate(2 * m * item), *scratch = apus_allocate(apus_fft_line_scratch(p->convolution) * item);
    bool done = make_roots(&t, n) && p->powers && p->inverses && p->chirp_transform && line && scratch;
    if (done) {
        memset(scratch, 0, (size_t)(apus_fft_line_scratch(p->convolution) * item));
        for (int64_t q = 0, at = 1; q < m; q++, at = at * g % n) p->powers[q] = at, p->inverses[(m - q) % m] = at;
        for (int64_t q = 0; q < m; q++) {
            double re, im;
            look_up(&t, p->inverses[q], &re, &im);
            put(p, line, q, re / (double)m);
            put(p, line, m + q, im / (double)m);
        }
        apus_fft_line(p->convolution, line, p->chirp_transform, scratch);
    }
    free_roots(&t);
    apus_free(line);
    apus_free(scratch);
    return done;
}

static bool make_half(apus_fft_plan *p, const root_table *t) {
    int64_t h = p->n / 2;
    p->half = apus_fft_plan_make(h, p->dtype, false);
    if (!p->half || !(p->half_roots = reserve(p, 2 * (h + 1)))) return false;
    p->size += p->half->size;
    for (int64_t k = 0; k <= h; k++) {
        double re, im;
        look_up(t, k, &re, &im);
        put(p, p->half_roots, k, re);
        put(p, p->half_roots, h + 1 + k, im);
    }
    return true;
}

apus_fft_plan *apus_fft_plan_make(int64_t n, int32_t dtype, bool is_real) {
    // Roots are numbered in int64, eight times over.
    if (n < 1 || n > INT64_MAX / 64 || (dtype != APUS_FLOAT32 && dtype != APUS_FLOAT64)) return NULL;
    apus_fft_plan *p = apus_allocate(sizeof *p);
    if (!p) return NULL;
    *p = (apus_fft_plan){.n = n, .dtype = dtype, .is_real = is_real, .size = sizeof *p};
    root_table t = {0};
    bool made;
    if (is_real && n % 2 == 0) made = make_roots(&t, n) && make_half(p, &t);
    else if (!factor(n, &p->whole)) {
        p->whole.stages = 0;
        int64_t g = primitive_root(n);
        made = g > 0 ? make_powers(p, g) : make_chirp(p);
    } else {
        made = make_roots(&t, n) && fill_factors(p, &p->whole, &t);
        split(p);
        if (made && p->rows.stages > 0) made = fill_factors(p, &p->rows, &t) && fill_factors(p, &p->columns, &t) && make_twist(p, &t);
    }
    free_roots(&t);
    if (made) return p;
    apus_fft_plan_free(p);
    return NULL;
}

void apus_fft_plan_free(apus_fft_plan *p) {
    if (!p) return;
    apus_fft_plan_free(p->convolution);
    apus_fft_plan_free(p->half);
    free_factors(&p->whole);
    free_factors(&p->back);
    free_factors(&p->rows);
    free_factors(&p->columns);
    void *tables[] = {p->twist, p->chirp, p->chirp_transform, p->half_roots, p->powers, p->inverses};
    for (int i = 0; i < 6; i++) apus_free(tables[i]);
    apus_free(p);
}

int64_t apus_fft_plan_size(const apus_fft_plan *p) { return p->size; }

int64_t apus_fft_block(int64_t length, int64_t width) {
    int64_t padded = apus_fft_padded(width), most = (1 << 15) / length / APUS_FFT_WIDTH * APUS_FFT_WIDTH;
    return APUS_MIN(padded, APUS_MAX(most, APUS_FFT_WIDTH));
}

int64_t apus_fft_line_scratch(const apus_fft_plan *p) {
    // Lines side by side are at least a padded width of them.
    if (p->convolution) return 4 * apus_fft_padded(p->convolution->n) + apus_fft_line_scratch(p->convolution);
    int64_t rows = p->rows.length, columns = p->columns.length;
    if (p->rows.stages == 0) return 4 * p->n * APUS_FFT_WIDTH;
    int64_t block = APUS_MAX(rows * apus_fft_block(rows, columns), columns * apus_fft_block(columns, rows));
    return 2 * columns * apus_fft_padded(rows) + 4 * block;
}
