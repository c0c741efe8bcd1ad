// The arithmetic between the matrix products, in float32, with the instruction set in use (linear.h).
// Knows nothing of threads, tokens or caches.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa/vector.h"

namespace ossay {

// That of instruction_set().
const isa::VectorSet& vectors();

// One head [2 half], as NeoX: x[i], x[half + i] turn together by angle i. out may be x.
void rotate(const float* x, const float* cos, const float* sin, size_t half, float* out);

// The k largest of n logits, best first (of equals the lower index), and their softmax among themselves.
void choose(const float* logits, size_t n, size_t k, int32_t* chosen, float* weights);

}  // namespace ossay
