#include "linear.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "isa/isa.h"
#include "layout.h"
#include "memory.h"

namespace ossay {

namespace {

using isa::kBlock;
using isa::kLanes;

constexpr size_t kTileBytes = 128 << 10;  // of weights: enough to stream, little enough to share out
constexpr size_t kCached = 512 << 10;     // bytes of activations: a tile goes through them again and again

// From the best to the one that always works.
const isa::InstructionSet* const kSets[] = {isa::avx512vnni(), isa::avx2(), isa::portable()};

const isa::InstructionSet* best() {
  for (const isa::InstructionSet* set : kSets)
    if (set) return set;
  std::abort();
}

std::atomic<const isa::InstructionSet*> in_use{best()};

}  // namespace

const char* instruction_set() { return in_use.load()->name; }

bool use_instruction_set(const char* name) {
  for (const isa::InstructionSet* set : kSets)
    if (set && std::strcmp(set->name, name) == 0) {
      in_use = set;
      return true;
    }
  return false;
}

struct Activations::Rows {
  Rows(Precision p, size_t capacity, size_t columns)
      : precision(p),
        blocks(columns / kBlock),
        stride(round_up(p == Precision::exact ? columns * sizeof(float)
                                              : blocks * sizeof(isa::QuantizedBlock),
                        kCacheLine)),
        memory(capacity * stride) {}

  const void* row(size_t i) const { return memory.data() + i * stride; }

  Precision precision;
  size_t blocks, stride;
  Memory memory;
};

Activations::Activations(Precision precision, size_t capacity, size_t columns)
    : rows_(std::make_unique<Rows>(precision, capacity, columns)) {}

Activations::~Activations() = default;

void Activations::set(size_t row, const float* x) {
  uint8_t* to = rows_->memory.data() + row * rows_->stride;
  if (rows_->precision == Precision::exact)
    std::memcpy(to, x, rows_->blocks * kBlock * sizeof(float));
  else
    in_use.load()->quantize(x, rows_->blocks, reinterpret_cast<isa::QuantizedBlock*>(to));
}

struct Linear::Packed {
  Packed(Format f, size_t matrices_, size_t rows_, size_t columns, size_t group_bytes_)
      : format(f),
        matrices(matrices_),
        rows(rows_),
        blocks(columns / kBlock),
        groups((rows_ + kLanes - 1) / kLanes),
        group_bytes(group_bytes_),
        memory(matrices * groups * group_bytes) {}

  // lay_out(row, count, to): rows [row, row + count) of all matrices' rows become the group at `to`.
  template <class LayOut>
  void fill(Pool& pool, const LayOut& lay_out) {
    pool.run([&](Team& team) {
      team.each(matrices * groups, 8, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
          const size_t row = i % groups * kLanes;
          lay_out(i / groups * rows + row, std::min(kLanes, rows - row), memory.data() + i * group_bytes);
        }
      });
    });
  }

  const uint8_t* group(size_t matrix, size_t i) const {
    return memory.data() + (matrix * groups + i) * group_bytes;
  }

  isa::Multiply kernel(Precision precision) const {
    const isa::InstructionSet& set = *in_use.load();
    if (format == Format::bf16) return set.bf16;
    if (format == Format::q8) return set.q8;
    return precision == Precision::exact ? set.mxfp4_exact : set.mxfp4_int8;
  }

  Format format;
  size_t matrices, rows, blocks, groups, group_bytes;
  Memory memory;
};

Linear::Linear() = default;
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;
Linear::~Linear() = default;

Linear Linear::from_bf16(const uint16_t* weights, size_t matrices, size_t rows, size_t columns,
                         Precision precision, Pool& pool) {
  const size_t blocks = columns / kBlock;
  const bool exact = precision == Precision::exact;
  Linear linear;
  linear.packed_ =
      std::make_unique<Packed>(exact ? Format::bf16 : Format::q8, matrices, rows, columns,
                               exact ? group_bytes_bf16(blocks) : group_bytes_q8(blocks));
  linear.packed_->fill(pool, [&](size_t row, size_t count, uint8_t* to) {
    (exact ? lay_out_bf16 : lay_out_q8)(weights + row * columns, count, blocks, to);
  });
  return linear;
}

Linear Linear::from_mxfp4(const uint8_t* blocks, const uint8_t* scales, size_t matrices, size_t rows,
                          size_t columns, Precision precision, Pool& pool) {
  const size_t n = columns / kBlock;
  Linear linear;
  linear.packed_ = std::make_unique<Packed>(Format::mxfp4, matrices, rows, columns, group_bytes_mxfp4(n));
  linear.packed_->fill(pool, [&](size_t row, size_t count, uint8_t* to) {
    lay_out_mxfp4(blocks + row * n * (kBlock / 2), scales + row * n, count, n,
                  precision == Precision::int8, to);
  });
  return linear;
}

size_t Linear::matrices() const { return packed_->matrices; }
size_t Linear::rows() const { return packed_->rows; }
size_t Linear::columns() const { return packed_->blocks * kBlock; }
Format Linear::format() const { return packed_->format; }
size_t Linear::bytes() const { return packed_->memory.bytes(); }
size_t Linear::matrix_bytes() const { return packed_->groups * packed_->group_bytes; }

namespace {

// All the work of a product, cut into tiles that threads take in turn: some row groups of one matrix
// with some of one group's tokens.
class Work {
 public:
  Work(const Linear& w, const Activations& x, const int32_t* source, const float* bias, float* y,
       size_t ld, bool add, int threads)
      : w_(w.packed()), x_(x.rows()), source_(source), bias_(bias), y_(y), ld_(ld), add_(add) {
    const size_t share = (w_.groups + threads - 1) / threads;
    step_ = std::clamp<size_t>(kTileBytes / w_.group_bytes, 1, share);
    tokens_ = std::clamp<size_t>(kCached / x_.stride / 8 * 8, 8, isa::kTokens);
  }

  size_t tiles(const Group& group) const {
    const size_t tokens = group.end - group.begin;
    return (tokens + tokens_ - 1) / tokens_ * steps();
  }

  // Computes one of a group's tiles; those with the same tokens follow one another.
  void run(const Group& group, size_t tile) const {
    const size_t first = group.begin + tile / steps() * tokens_;
    const size_t count = std::min(tokens_, group.end - first);
    const size_t row_group = tile % steps() * step_;
    const size_t row = row_group * kLanes;
    const void* x[isa::kTokens];
    for (size_t i = 0; i < count; ++i) x[i] = x_.row(source_ ? source_[first + i] : first + i);
    isa::Tile t{};
    t.weights = w_.group(group.matrix, row_group);
    t.group_bytes = w_.group_bytes;
    t.blocks = w_.blocks;
    t.rows = std::min(step_ * kLanes, w_.rows - row);
    t.x = x;
    t.tokens = count;
    t.bias = bias_ ? bias_ + group.matrix * w_.rows + row : nullptr;
    t.out = y_ + first * ld_ + row;
    t.ld = ld_;
    t.add = add_;
    w_.kernel(x_.precision)(t);
  }

 private:
  size_t steps() const { return (w_.groups + step_ - 1) / step_; }

  const Linear::Packed& w_;
  const Activations::Rows& x_;
  const int32_t* source_;  // null: token i is row i
  const float* bias_;
  float* y_;
  size_t ld_;
  bool add_;
  size_t step_;    // row groups of a tile
  size_t tokens_;  // and the most tokens
};

}  // namespace

void product(Team& team, const Linear& w, const Activations& x, size_t n, const float* bias, float* y,
             size_t ld, bool add) {
  const Work work(w, x, nullptr, bias, y, ld, add, team.size());
  const Group all{0, 0, n};
  team.each(work.tiles(all), 1, [&](size_t begin, size_t end) {
    for (size_t tile = begin; tile < end; ++tile) work.run(all, tile);
  });
}

void grouped_product(Team& team, const Linear& w, const Activations& x, const Group* groups,
                     size_t group_count, const int32_t* source, const float* bias, float* y, size_t ld) {
  const Work work(w, x, source, bias, y, ld, false, team.size());
  size_t tiles = 0;
  for (size_t g = 0; g < group_count; ++g) tiles += work.tiles(groups[g]);
  size_t group = 0, before = 0;  // this thread's place: tiles come to it in runs of ascending order
  team.each(tiles, 1, [&](size_t begin, size_t end) {
    if (begin < before) group = before = 0;
    for (size_t tile = begin; tile < end; ++tile) {
      while (tile - before >= work.tiles(groups[group])) before += work.tiles(groups[group++]);
      work.run(groups[group], tile - before);
    }
  });
}

}  // namespace ossay
