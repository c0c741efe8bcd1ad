#include "attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ossay {

using isa::kPositions;

namespace {

constexpr size_t kRows = 64;  // of a pass over the keys: queries and sums stay in the L1 cache
constexpr float kLargestHalf = 65504;

// As half precision, what is beyond it at its end: infinity would make a sum of products NaN, and
// rounding to 8 bit makes numbers of NaN that nobody would notice.
void halve(const float* x, size_t n, uint16_t* out) {
  thread_local std::vector<float> kept;
  kept.resize(n);
  for (size_t i = 0; i < n; ++i) kept[i] = std::clamp(x[i], -kLargestHalf, kLargestHalf);
  vectors().to_half(kept.data(), n, out);
}

}  // namespace

LayerCache::LayerCache(const HeadShape& shape, size_t blocks, bool half)
    : shape_(shape), blocks_(blocks), half_(half), memory_(blocks * block_bytes(shape, half)) {}

size_t LayerCache::block_bytes(const HeadShape& shape, bool half) {
  return shape.kv_heads * (shape.depth + shape.width()) * kPositions * (half ? 2 : 4);
}

void LayerCache::write(size_t block, size_t slot, size_t head, const float* key, const float* value) {
  const size_t at = (block * shape_.kv_heads + head) * head_size();
  const size_t values = at + shape_.depth * kPositions + slot * shape_.width();
  const size_t depth = shape_.depth, spare = shape_.width() - depth;
  if (half_) {
    auto* to = reinterpret_cast<uint16_t*>(memory_.data());
    halve(value, depth, to + values);
    thread_local std::vector<uint16_t> column;
    column.resize(depth);
    halve(key, depth, column.data());
    for (size_t d = 0; d < depth; ++d) to[at + d * kPositions + slot] = column[d];
    std::fill_n(to + values + depth, spare, uint16_t{0});
  } else {
    auto* to = reinterpret_cast<float*>(memory_.data());
    for (size_t d = 0; d < depth; ++d) to[at + d * kPositions + slot] = key[d];
    std::copy_n(value, depth, to + values);
    std::fill_n(to + values + depth, spare, 0.0f);
  }
}

void LayerCache::read(size_t block, size_t head, std::vector<float>& room, const float** keys,
                      const float** values) const {
  const size_t at = (block * shape_.kv_heads + head) * head_size();
  if (half_) {
    room.resize(head_size());
    vectors().from_half(reinterpret_cast<const uint16_t*>(memory_.data()) + at, head_size(), room.data());
    *keys = room.data();
  } else {
    *keys = reinterpret_cast<const float*>(memory_.data()) + at;
  }
  *values = *keys + shape_.depth * kPositions;
}

Attention::Attention(const HeadShape& shape, int threads)
    : shape_(shape), most_(std::max<size_t>(1, kRows / shape.group())), scratch_(threads) {
  const size_t rows = most_ * shape.group();
  for (Scratch& s : scratch_) {
    s.query.resize(rows * shape.depth);
    s.scores.resize(rows * kPositions);
    s.sum.resize(rows * shape.width());
    s.peak.resize(rows);
    s.total.resize(rows);
    s.from.resize(rows);
    s.to.resize(rows);
  }
}

void Attention::plan(const Step& step, size_t begin, size_t end) {
  pieces_.clear();
  begin_ = begin;
  for (size_t s = 0; s < step.sequences; ++s) {
    const size_t last = std::min<size_t>(end, step.starts[s + 1]);
    for (size_t i = std::max<size_t>(begin, step.starts[s]); i < last; i += most_)
      pieces_.push_back({s, i, std::min(i + most_, last)});
  }
}

void Attention::run(Team& team, const Step& step, float* qkv, const float* sinks, size_t window,
                    LayerCache& cache, float* out) {
  const size_t tasks = pieces_.size() * shape_.kv_heads;
  team.each(tasks, 1, [&](size_t first, size_t last) {
    for (size_t task = first; task < last; ++task) {
      const Piece& piece = pieces_[task / shape_.kv_heads];
      for (size_t token = piece.begin; token < piece.end; ++token)
        write(step, token, piece.sequence, task % shape_.kv_heads, qkv, cache);
    }
  });
  Scratch& scratch = scratch_[team.rank()];
  team.each(tasks, 1, [&](size_t first, size_t last) {
    for (size_t task = first; task < last; ++task)
      attend(scratch, step, pieces_[task / shape_.kv_heads], task % shape_.kv_heads, qkv, sinks, window,
             cache, out);
  });
}

void Attention::write(const Step& step, size_t token, size_t sequence, size_t head, float* qkv,
                      LayerCache& cache) const {
  const size_t half = shape_.depth / 2;
  float* key = qkv + (token - begin_) * shape_.qkv() + (shape_.heads + head) * shape_.depth;
  const float* value = key + shape_.kv_heads * shape_.depth;
  rotate(key, step.cos + token * half, step.sin + token * half, half, key);
  const int32_t position = step.positions[token];
  cache.write(step.block(sequence, position), position % kPositions, head, key, value);
}

void Attention::attend(Scratch& s, const Step& step, const Piece& piece, size_t head, const float* qkv,
                       const float* sinks, size_t window, const LayerCache& cache, float* out) const {
  const size_t group = shape_.group(), depth = shape_.depth, half = depth / 2, width = shape_.width();
  const size_t rows = (piece.end - piece.begin) * group;
  const float scale = 1.0f / std::sqrt(static_cast<float>(depth));
  for (size_t row = 0; row < rows; ++row) {
    const size_t token = piece.begin + row / group, h = head * group + row % group;
    float* query = s.query.data() + row * depth;
    rotate(qkv + (token - begin_) * shape_.qkv() + h * depth, step.cos + token * half,
           step.sin + token * half, half, query);
    for (size_t d = 0; d < depth; ++d) query[d] *= scale;
    s.peak[row] = sinks[h];
    s.total[row] = 1.0f;  // the sink's own
  }
  std::fill_n(s.sum.data(), rows * width, 0.0f);

  const auto see_from = [&](int32_t position) {
    return window == 0 ? 0 : std::max(0, position - static_cast<int32_t>(window) + 1);
  };
  const int32_t last = step.positions[piece.end - 1];
  isa::BlockAttention block{rows,          depth,           width,           s.query.data(),
                            nullptr,       nullptr,         s.from.data(),   s.to.data(),
                            s.scores.data(), s.peak.data(), s.total.data(), s.sum.data()};
  constexpr int32_t kCount = kPositions;
  for (int32_t at = see_from(step.positions[piece.begin]) / kCount * kCount; at <= last; at += kCount) {
    for (size_t row = 0; row < rows; ++row) {
      const int32_t position = step.positions[piece.begin + row / group];
      s.from[row] = std::clamp(see_from(position) - at, 0, kCount);
      s.to[row] = std::clamp(position + 1 - at, 0, kCount);
    }
    cache.read(step.block(piece.sequence, at), head, s.room, &block.keys, &block.values);
    vectors().attend(block);
  }
  for (size_t row = 0; row < rows; ++row) {
    const size_t token = piece.begin + row / group, h = head * group + row % group;
    float* to = out + (token - begin_) * shape_.out() + h * depth;
    const float* sum = s.sum.data() + row * width;
    for (size_t d = 0; d < depth; ++d) to[d] = sum[d] / s.total[row];
  }
}

}  // namespace ossay
