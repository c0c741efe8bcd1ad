// What an instruction set has to offer, and the layout that all of them read. Knows nothing of threads.
//
// This header is compiled with different instruction sets: it holds plain types and constants only,
// no function, so that the linker cannot pick one file's AVX-512 code for another's call.
//
// Sixteen rows lie interleaved (a row group), so that a lane of a register is a row. Columns come in
// blocks of 32, a block in steps of 8:
//
//   mxfp4  4 steps x 16 rows x 4 bytes, as in the checkpoint: byte j of a step holds column 2j in its
//          low nibble, 2j + 1 in its high one. After all blocks, 16 scales for each: e8m0 - 128, int8.
//   q8     4 steps x [even, odd] x 16 rows x 4 columns, a byte each: code + 128. The columns are split
//          as MXFP4's nibbles are. After all blocks, 16 scales for each, bf16.
//   bf16   16 pairs of columns x 16 rows x 2 columns.
//
// A row group's size is rounded up to 64 bytes; a matrix's last group is filled up with zero rows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ossay::isa {

constexpr size_t kLanes = 16;
constexpr size_t kBlock = 32;
constexpr size_t kTokens = 128;  // the most of a Tile

// 32 activations: value[8s + 2j] = scale * codes[8s + j], value[8s + 2j + 1] = scale * codes[8s + 4 + j].
// The scale is kept within 2^-60 and 2^60, so that adding an MXFP4 scale's exponent cannot wrap.
struct QuantizedBlock {
  int8_t codes[kBlock];
  float scale;
  int32_t offset;  // -128 * sum of codes: what the weights' + 128 adds, to start a sum with
};

// Some tokens times some row groups of one matrix: out[t * ld + r] = x[t] . w[r] + bias[r].
struct Tile {
  const uint8_t* weights;
  size_t group_bytes;  // from one row group to the next
  size_t blocks;       // of 32 columns
  size_t rows;         // any number: the last group may be used in part
  const void* const* x;  // a row for each token: float [columns] or QuantizedBlock [blocks]
  size_t tokens;  // up to kTokens
  const float* bias;  // [rows] or null
  float* out;
  size_t ld;
  bool add;  // out += instead of out =
};

using Multiply = void (*)(const Tile&);

// The sums of a (token, row) are taken in one order, whatever the tile: results do not depend on what
// else is in a batch.
struct InstructionSet {
  const char* name;
  Multiply bf16;         // x float
  Multiply mxfp4_exact;  // x float
  Multiply mxfp4_int8;   // x QuantizedBlock
  Multiply q8;           // x QuantizedBlock
  void (*quantize)(const float* x, size_t blocks, QuantizedBlock* out);
};

// Null where the compiler or the machine has it not.
const InstructionSet* portable();
const InstructionSet* avx2();
const InstructionSet* avx512vnni();

}  // namespace ossay::isa
