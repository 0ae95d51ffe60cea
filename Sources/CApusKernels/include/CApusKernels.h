/// Kernels of Apus: vector loops over strided views, one thread pool, one caching allocator.
///
/// A kernel reads input views, writes output views, allocates no result, and returns an `apus_status`.
#ifndef APUS_KERNELS_H
#define APUS_KERNELS_H
#include "apus_allocator.h"
#include "apus_attention.h"
#include "apus_convolution.h"
#include "apus_copy.h"
#include "apus_cpu.h"
#include "apus_distance.h"
#include "apus_epilogue.h"
#include "apus_fourier.h"
#include "apus_indexing.h"
#include "apus_loss.h"
#include "apus_matmul.h"
#include "apus_normalize.h"
#include "apus_pointwise.h"
#include "apus_pool.h"
#include "apus_random.h"
#include "apus_reduce.h"
#include "apus_scan.h"
#include "apus_sort.h"
#include "apus_stack.h"
#include "apus_thread_state.h"
#include "apus_view.h"
#endif
