#ifndef APUS_ATTENTION_H
#define APUS_ATTENTION_H
#include "apus_view.h"

/// softmax(query @ key^T * scale + mask) @ value, per head, by tiles of keys: scores stay in cache, however many keys there are.
///
/// query [batch, heads, queries, depth], key [batch, shared, keys, depth], value [batch, shared, keys, value_depth], out [batch, heads, queries, value_depth];
/// heads are a multiple of `shared`, and so many that follow each other read one of key and value. float32, rows without gaps, one after the other and not on
/// top of each other; any strides of batches and heads (0 shares heads too). `mask` is null, bool (true takes part) or float32 (added), of sizes
/// [batch, heads, queries, keys], any strides. `causal` lets query i see keys 0 ... i. A row that sees nothing gives zeros where `is_safe`,
/// as softmax leaves none of it otherwise: NaN.
int apus_attention(const apus_view *query, const apus_view *key, const apus_view *value, const apus_view *mask, bool causal, double scale, bool is_safe, const apus_view *out);
#endif
