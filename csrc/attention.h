// Grouped-query attention with sinks over a paged cache of keys and values. Knows nothing of weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "memory.h"
#include "ops.h"
#include "pool.h"

namespace ossay {

struct HeadShape {
  size_t heads, kv_heads, depth;
  size_t group() const { return heads / kv_heads; }
  size_t width() const { return round_up(depth, 16); }  // of a row of values
  size_t out() const { return round_up(heads * depth, 32); }  // of a row of all heads' outputs
  size_t qkv() const { return (heads + 2 * kv_heads) * depth; }
  bool operator==(const HeadShape&) const = default;
};

// One layer's keys and values, in blocks of 32 positions. A block holds, for each of its kv heads,
// keys [depth, 32] and values [32, width], float32 or half precision.
class LayerCache {
 public:
  LayerCache(const HeadShape& shape, size_t blocks, bool half);
  size_t blocks() const { return blocks_; }
  bool made_for(const HeadShape& shape, bool half) const { return shape_ == shape && half_ == half; }
  size_t bytes() const { return memory_.bytes(); }
  // Bytes of one block of one layer.
  static size_t block_bytes(const HeadShape& shape, bool half);

  void write(size_t block, size_t slot, size_t head, const float* key, const float* value);
  // The head's keys and values of a block as float32, in place or expanded into `room`.
  void read(size_t block, size_t head, std::vector<float>& room, const float** keys,
            const float** values) const;

 private:
  size_t head_size() const { return (shape_.depth + shape_.width()) * isa::kPositions; }

  HeadShape shape_;
  size_t blocks_;
  bool half_;
  Memory memory_;
};

// Consecutive tokens of several sequences; see engine/batch.py. Positions of a sequence count up by one.
struct Step {
  size_t tokens, sequences, table_width;
  const int32_t* positions;  // [tokens]
  const int32_t* starts;     // [sequences + 1]
  const int32_t* table;      // [sequences, table_width], block numbers
  const float* cos;          // [tokens, depth / 2], and sin
  const float* sin;

  // Token i of sequence s: where its keys and values are.
  size_t block(size_t s, int32_t position) const {
    return static_cast<size_t>(table[s * table_width + static_cast<size_t>(position) / isa::kPositions]);
  }
};

class Attention {
 public:
  Attention(const HeadShape& shape, int threads);

  // Tokens [begin, end) of the step. qkv [end - begin, shape.qkv()]: queries, keys, values; keys become rotated.
  // Writes rotated keys and values to the cache and out [end - begin, shape.out()]. window 0: none.
  // A query's sums are taken in one order, whatever else is in the step.
  void plan(const Step& step, size_t begin, size_t end);
  void run(Team& team, const Step& step, float* qkv, const float* sinks, size_t window,
           LayerCache& cache, float* out);

 private:
  // Some consecutive tokens of a sequence: with the heads of a group, the rows of one pass over the keys.
  struct Piece {
    size_t sequence, begin, end;
  };
  struct Scratch {
    std::vector<float> query, scores, peak, total, sum, room;
    std::vector<int32_t> from, to;
  };

  void write(const Step& step, size_t token, size_t sequence, size_t head, float* qkv,
             LayerCache& cache) const;
  void attend(Scratch& scratch, const Step& step, const Piece& piece, size_t head, const float* qkv,
              const float* sinks, size_t window, const LayerCache& cache, float* out) const;

  HeadShape shape_;
  size_t most_;  // tokens in a piece
  size_t begin_ = 0;
  std::vector<Piece> pieces_;
  std::vector<Scratch> scratch_;  // a thread's own
};

}  // namespace ossay
