// Launches of kernels that are templates over an element type and a padded head width, with large shared memory.
#pragma once

#include "runtime/base/error.h"
#include "runtime/kernels/cuda/attention/own.h"
#include "shared_memory.h"

namespace trireme::cuda {

template <class T, int columns>
struct Columns {};

// Calls visit with the element type, and the least of 64, 128 and 256 columns that hold a head's width.
template <class Visit>
void visit_attention(const OwnAttention& task, Visit&& visit) {
  if (task.width > widest_head)
    fail("attention", "expected heads of at most", widest_head, "numbers, found", task.width,
         ": use more heads, or a cpu device");
  visit_compute_type("attention", task.dtype, [&]<class T>(T) {
    if (task.width <= 64) return visit(Columns<T, 64>{});
    if (task.width <= 128) return visit(Columns<T, 128>{});
    return visit(Columns<T, 256>{});
  });
}

}  // namespace trireme::cuda
