// The functions of a VectorSet, written once with the compiler's vectors and compiled for each
// instruction set. The including file defines kWidth, the floats of a register, kRows, the rows that
// a register tile holds, to_half, from_half and int8_rounds. Everything here is local to the including file.

namespace ossay::isa {
namespace {

typedef float Floats __attribute__((vector_size(kWidth * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(kWidth * sizeof(float))));

constexpr size_t kColumns = 16;  // of a register tile
constexpr size_t kParts = kColumns / kWidth;

inline Floats load(const float* from) {
  Floats v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

inline void store(float* to, Floats v) { __builtin_memcpy(to, &v, sizeof v); }

inline Floats all(float value) { return value - Floats{}; }

inline float sum_of(Floats v) {
  float sum = 0;
  for (size_t i = 0; i < kWidth; ++i) sum += v[i];
  return sum;
}

// e^x within 1e-7 of itself: 2^n times the power series over |r| <= ln 2 / 2. exp(0) is 1.
inline Floats exp_of(Floats x) {
  x = x < all(-87.0f) ? all(-87.0f) : x;
  x = x > all(88.0f) ? all(88.0f) : x;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves no fraction
  const Floats n = (x * 1.44269504f + kRound) - kRound;
  const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  Floats p = all(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const Ints bits = (__builtin_convertvector(n, Ints) + 127) << 23;
  Floats power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return p * power;
}

// c [R, 16] (+)= a [R, depth] * b [depth, 16]: a register tile.
template <size_t R, bool kAdd>
inline void multiply_tile(const float* a, size_t lda, const float* b, size_t ldb, size_t depth, float* c,
                          size_t ldc) {
  Floats sum[R][kParts];
  for (size_t r = 0; r < R; ++r)
    for (size_t i = 0; i < kParts; ++i) sum[r][i] = kAdd ? load(c + r * ldc + i * kWidth) : Floats{};
  for (size_t d = 0; d < depth; ++d)
    for (size_t i = 0; i < kParts; ++i) {
      const Floats column = load(b + d * ldb + i * kWidth);
      for (size_t r = 0; r < R; ++r) sum[r][i] += a[r * lda + d] * column;
    }
  for (size_t r = 0; r < R; ++r)
    for (size_t i = 0; i < kParts; ++i) store(c + r * ldc + i * kWidth, sum[r][i]);
}

template <bool kAdd>
void multiply_rows(size_t rows, const float* a, size_t lda, const float* b, size_t ldb, size_t depth,
                   size_t columns, float* c, size_t ldc) {
  for (size_t column = 0; column < columns; column += kColumns) {
    size_t row = 0;
    for (; row + kRows <= rows; row += kRows)
      multiply_tile<kRows, kAdd>(a + row * lda, lda, b + column, ldb, depth, c + row * ldc + column, ldc);
    for (; row < rows; ++row)
      multiply_tile<1, kAdd>(a + row * lda, lda, b + column, ldb, depth, c + row * ldc + column, ldc);
  }
}

// All ones where the row sees the keys [i, i + kWidth).
inline Ints seen(const BlockAttention& block, size_t row, size_t i) {
  Ints at;
  for (size_t j = 0; j < kWidth; ++j) at[j] = static_cast<int32_t>(i + j);
  return (at >= block.from[row]) & (at < block.to[row]);
}

float peak_of(const BlockAttention& block, size_t row) {
  const float* scores = block.scores + row * kPositions;
  Floats most = all(block.peak[row]);
  for (size_t i = 0; i < kPositions; i += kWidth) {
    const Floats score = load(scores + i);
    most = (seen(block, row, i) & (score > most)) ? score : most;
  }
  float peak = most[0];
  for (size_t i = 1; i < kWidth; ++i) peak = most[i] > peak ? most[i] : peak;
  return peak;
}

// Turns a row's scores into weights, those it does not see into zero; corrects what was summed so far.
void weigh(const BlockAttention& block, size_t row) {
  const float peak = peak_of(block, row);
  if (peak != block.peak[row]) {
    const float correction = exp_of(all(block.peak[row] - peak))[0];
    float* sum = block.sum + row * block.width;
    for (size_t i = 0; i < block.width; i += kWidth) store(sum + i, load(sum + i) * correction);
    block.total[row] *= correction;
    block.peak[row] = peak;
  }
  float* scores = block.scores + row * kPositions;
  Floats total = {};
  for (size_t i = 0; i < kPositions; i += kWidth) {
    const Floats weight = seen(block, row, i) ? exp_of(load(scores + i) - peak) : Floats{};
    store(scores + i, weight);
    total += weight;
  }
  block.total[row] += sum_of(total);
}

void attend(const BlockAttention& block) {
  multiply_rows<false>(block.rows, block.query, block.depth, block.keys, kPositions, block.depth,
                       kPositions, block.scores, kPositions);
  // Values that no row sees may never have been written: zero times them need not be zero.
  int32_t from = kPositions, to = 0;
  for (size_t row = 0; row < block.rows; ++row) {
    weigh(block, row);
    if (block.from[row] < block.to[row]) {
      from = block.from[row] < from ? block.from[row] : from;
      to = block.to[row] > to ? block.to[row] : to;
    }
  }
  if (from < to)
    multiply_rows<true>(block.rows, block.scores + from, kPositions, block.values + from * block.width,
                        block.width, static_cast<size_t>(to - from), block.width, block.sum, block.width);
}

void rms_norm(const float* x, const float* scale, size_t n, float eps, float* out) {
  Floats squares = {};
  size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) squares += load(x + i) * load(x + i);
  float sum = sum_of(squares);
  for (; i < n; ++i) sum += x[i] * x[i];
  const float factor = 1.0f / __builtin_sqrtf(sum / static_cast<float>(n) + eps);
  for (i = 0; i < n; ++i) out[i] = x[i] * factor * scale[i];
}

inline Floats swiglu_of(Floats gate, Floats up, float alpha, float limit) {
  gate = gate > all(limit) ? all(limit) : gate;
  up = up > all(limit) ? all(limit) : up;
  up = up < all(-limit) ? all(-limit) : up;
  return (up + 1.0f) * gate / (1.0f + exp_of(gate * -alpha));
}

void swiglu(const float* gate_up, size_t n, float alpha, float limit, float* out) {
  for (size_t i = 0; i < n; i += kWidth) {
    const size_t count = n - i < kWidth ? n - i : kWidth;
    Floats gate = {}, up = {};
    if (count == kWidth) {
      for (size_t j = 0; j < kWidth; ++j) {
        gate[j] = gate_up[2 * (i + j)];
        up[j] = gate_up[2 * (i + j) + 1];
      }
      store(out + i, swiglu_of(gate, up, alpha, limit));
      continue;
    }
    for (size_t j = 0; j < count; ++j) {
      gate[j] = gate_up[2 * (i + j)];
      up[j] = gate_up[2 * (i + j) + 1];
    }
    const Floats y = swiglu_of(gate, up, alpha, limit);
    for (size_t j = 0; j < count; ++j) out[i + j] = y[j];
  }
}

void add_scaled(const float* x, float scale, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] += scale * x[i];
}

double fp32_rounds(size_t rounds) {
  Floats sums[kChains] = {};
  for (size_t round = 0; round < rounds; ++round)
    for (Floats& sum : sums) sum = sum * 0.5f + 1.0f;
  float all_of = 0;
  for (const Floats& sum : sums) all_of += sum_of(sum);
  return all_of == 0 ? 0 : 2.0 * kWidth * kChains * static_cast<double>(rounds);
}

float look(const float* data, size_t bytes) {
  Floats sums[8] = {};
  for (size_t i = 0; i < bytes / sizeof(float); i += 8 * kWidth)
    for (size_t j = 0; j < 8; ++j) sums[j] += load(data + i + j * kWidth);
  float all_of = 0;
  for (const Floats& sum : sums) all_of += sum_of(sum);
  return all_of;
}

}  // namespace
}  // namespace ossay::isa
