// The float32 arithmetic between the matrix products, for each instruction set. Knows nothing of
// threads, tokens or caches. As isa.h, this header holds no function.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ossay::isa {

constexpr size_t kPositions = 32;  // in a block of the KV cache

// Softmax attention of some rows (query heads at positions) over one block of keys and values, online:
// a row's `peak`, `total` and `sum` carry over from block to block. Rows see keys [from, to) of the
// block; a row that sees none is left as it is, bit for bit.
struct BlockAttention {
  size_t rows;
  size_t depth;         // of a head
  size_t width;         // depth rounded up to 16: of a row of values and of sum
  const float* query;   // [rows, depth], scaled
  const float* keys;    // [depth, kPositions]
  const float* values;  // [kPositions, width]
  const int32_t* from;  // [rows], and to: within [0, kPositions]
  const int32_t* to;
  float* scores;  // [rows, kPositions], scratch
  float* peak;    // [rows]
  float* total;   // [rows], of exp(score - peak)
  float* sum;     // [rows, width], of exp(score - peak) * value
};

struct VectorSet {
  const char* name;
  void (*attend)(const BlockAttention&);
  // out = x / sqrt(mean(x^2) + eps) * scale
  void (*rms_norm)(const float* x, const float* scale, size_t n, float eps, float* out);
  // gate_up [2 n]: even gate, odd up; out [n] = (up + 1) * gate * sigmoid(alpha * gate), clamped before
  void (*swiglu)(const float* gate_up, size_t n, float alpha, float limit, float* out);
  void (*add_scaled)(const float* x, float scale, size_t n, float* out);  // out += scale * x
  void (*to_half)(const float* x, size_t n, uint16_t* out);               // nearest, ties to even
  void (*from_half)(const uint16_t* x, size_t n, float* out);            // n a multiple of 16
  // What limits speed: so many rounds of independent multiply-adds in registers, and a look at all
  // bytes (a multiple of 4096). The first two return operations done, a multiply-add being two.
  double (*fp32_rounds)(size_t rounds);
  double (*int8_rounds)(size_t rounds);
  float (*look)(const float* data, size_t bytes);
};

// Null where the compiler or the machine has it not.
const VectorSet* vector_portable();
const VectorSet* vector_avx2();
const VectorSet* vector_avx512vnni();

}  // namespace ossay::isa
