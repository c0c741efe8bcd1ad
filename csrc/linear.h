// Matrices laid out once for streaming, and products with them. Knows nothing of models or layers.
//
//   y[i, r] = sum_c x[i, c] * W[r, c] + bias[r]
//
// A Linear is a stack of one or more matrices of one shape (the experts of a layer are a stack).
// Columns are a multiple of 32; rows are arbitrary (the layout pads them to 16).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "pool.h"

namespace ossay {

enum class Precision {
  exact,  // weights as stored (bf16 or MXFP4), float32 activations and accumulation
  int8,   // bf16 weights become 8 bit with a scale per 32 columns; activations 8 bit per 32
};

enum class Format { bf16, q8, mxfp4 };

// Activations of up to `capacity` tokens, in the form that the precision multiplies with.
class Activations {
 public:
  Activations(Precision precision, size_t capacity, size_t columns);
  ~Activations();
  // Takes over one row of x (float32 [columns]). Different threads may set different rows.
  void set(size_t row, const float* x);

  struct Rows;  // how they are laid out: linear.cpp's and the instruction sets' own affair
  const Rows& rows() const { return *rows_; }

 private:
  std::unique_ptr<Rows> rows_;
};

class Linear {
 public:
  // weights: bf16 bits [matrices, rows, columns]. Laid out by the pool's threads.
  static Linear from_bf16(const uint16_t* weights, size_t matrices, size_t rows, size_t columns,
                          Precision precision, Pool& pool);
  // blocks [matrices, rows, columns / 32, 16] (byte j: low nibble element 2j, high nibble 2j + 1),
  // scales [matrices, rows, columns / 32], e8m0.
  static Linear from_mxfp4(const uint8_t* blocks, const uint8_t* scales, size_t matrices, size_t rows,
                           size_t columns, Precision precision, Pool& pool);
  Linear(Linear&&) noexcept;
  Linear& operator=(Linear&&) noexcept;
  ~Linear();

  size_t matrices() const;
  size_t rows() const;
  size_t columns() const;
  Format format() const;
  size_t bytes() const;         // of memory held
  size_t matrix_bytes() const;  // read by one product with one matrix

  struct Packed;
  const Packed& packed() const { return *packed_; }

 private:
  Linear();
  std::unique_ptr<Packed> packed_;
};

// y [n, ld] = x · Wᵀ + bias, with the first matrix of the stack. bias may be null (float32 [rows]).
// add: y += instead of y =. Every thread of the team calls it; ends in a barrier.
void product(Team& team, const Linear& w, const Activations& x, size_t n, const float* bias, float* y,
             size_t ld, bool add = false);

// Tokens that go through one matrix of a stack.
struct Group {
  size_t matrix;
  size_t begin, end;  // pairs [begin, end): pair p reads row source[p] of x and writes row p of y
};

// y[p, :] = x[source[p], :] · W[matrix]ᵀ + bias[matrix, :] for every pair p of every group. Groups may
// be empty, of any size, in any order. Every thread of the team calls it; ends in a barrier.
void grouped_product(Team& team, const Linear& w, const Activations& x, const Group* groups,
                     size_t group_count, const int32_t* source, const float* bias, float* y, size_t ld);

// The instruction set in use: "avx512vnni", "avx2", "portable". `use` forces one that the machine has
// (for tests and benches); returns false where it has not.
const char* instruction_set();
bool use_instruction_set(const char* name);

}  // namespace ossay
