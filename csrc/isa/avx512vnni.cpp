// Flags: -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512vbmi -mfma -mf16c
//
// A lane is a row, so nothing is ever summed across lanes. Two ways through a matrix, which add up in the
// same order and so agree bit for bit:
//   stream  few tokens: each row group is unpacked in registers as it comes from memory
//   panel   many tokens, 8 bit: 16 blocks of two row groups are unpacked into the L1 cache, and every
//           6 tokens x 32 rows then take 12 multiplications for 8 loads
#include "isa.h"

#if defined(__AVX512VNNI__) && defined(__AVX512VBMI__)
// gcc 12 takes the intrinsics' own undefined registers for mistakes.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include <cstring>

#define INLINE inline __attribute__((always_inline))

namespace ossay::isa {
namespace {

constexpr size_t kOneGroup = 6;    // up to here memory is the limit, and one stream reads it fastest
constexpr size_t kFewTokens = 16;    // up to here streams beat a panel
constexpr size_t kPanelTokens = 6;   // the most that `panel` does
constexpr size_t kPanelBlocks = 16;
constexpr size_t kPanelRegisters = 8;  // of a block's weights: 4 columns each
constexpr size_t kAhead = 32768;       // bytes from what is read to what is prefetched

// How sums over a block run in each precision. X is a token's block.

struct Int8 {
  using X = QuantizedBlock;
  using Sum = __m512i;
  static INLINE const X* block(const void* x, size_t b) { return static_cast<const X*>(x) + b; }
  static INLINE Sum start(const X* x) { return _mm512_set1_epi32(x->offset); }
  static INLINE __m512i factor(const X* x, size_t i) {
    int32_t four;
    std::memcpy(&four, x->codes + 4 * i, 4);
    return _mm512_set1_epi32(four);
  }
  static INLINE Sum step(Sum sum, __m512i w, __m512i x) { return _mm512_dpbusd_epi32(sum, w, x); }
};

struct Exact {
  using X = float;
  using Sum = __m512;
  static INLINE const X* block(const void* x, size_t b) { return static_cast<const X*>(x) + b * kBlock; }
  static INLINE Sum start(const X*) { return _mm512_setzero_ps(); }
  static INLINE __m512 factor(const X* x, size_t i) { return _mm512_set1_ps(x[i]); }
  static INLINE Sum step(Sum sum, __m512i w, __m512 x) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(w), x, sum);
  }
};

// The formats: unpack() hands the registers of a block's weights to emit(i, register), in order; scale()
// reads a block's 16 scales; finish() adds a block's sum to the total.

INLINE __m512i mxfp4_scales(const uint8_t* scales, int bias) {
  const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(scales));
  return _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtepi8_epi32(codes), _mm512_set1_epi32(bias)), 23);
}

struct Mxfp4Int8 : Int8 {
  static constexpr size_t kCodeBytes = kBlock * kLanes / 2, kScaleBytes = kLanes;

  // vpermb looks at six bits of an index, so the table stands there four times and the two bits that
  // belong to the other nibble do no harm.
  template <size_t G, class Emit>
  static INLINE void unpack(const uint8_t* codes, size_t group_bytes, const Emit& emit) {
    const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(
        -128, -127, -126, -125, -124, -122, -120, -116, -128, 127, 126, 125, 124, 122, 120, 116));
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
      __m512i even[G], odd[G];
#pragma GCC unroll 2
      for (size_t g = 0; g < G; ++g) {
        const __m512i pairs = _mm512_loadu_si512(codes + g * group_bytes + 64 * i);
        even[g] = _mm512_permutexvar_epi8(pairs, table);
        odd[g] = _mm512_permutexvar_epi8(_mm512_srli_epi16(pairs, 4), table);
      }
      emit(2 * i, even);
      emit(2 * i + 1, odd);
    }
  }

  // Powers of two are multiplied by adding exponents, which leaves the multipliers to the products.
  static INLINE __m512i scale(const uint8_t* scales) { return mxfp4_scales(scales, 0); }
  static INLINE __m512 finish(__m512 total, Sum sum, __m512i scale, const X* x) {
    int32_t bits;
    std::memcpy(&bits, &x->scale, 4);
    const __m512i product = _mm512_add_epi32(scale, _mm512_set1_epi32(bits));
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_castsi512_ps(product), total);
  }
};

struct Q8 : Int8 {
  static constexpr size_t kCodeBytes = kBlock * kLanes, kScaleBytes = 2 * kLanes;

  template <size_t G, class Emit>
  static INLINE void unpack(const uint8_t* codes, size_t group_bytes, const Emit& emit) {
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; ++i) {
      __m512i four[G];
#pragma GCC unroll 2
      for (size_t g = 0; g < G; ++g) four[g] = _mm512_loadu_si512(codes + g * group_bytes + 64 * i);
      emit(i, four);
    }
  }

  static INLINE __m512i scale(const uint8_t* scales) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales));
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16);
  }
  static INLINE __m512 finish(__m512 total, Sum sum, __m512i scale, const X* x) {
    const __m512 product = _mm512_mul_ps(_mm512_castsi512_ps(scale), _mm512_set1_ps(x->scale));
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), product, total);
  }
};

struct Mxfp4Exact : Exact {
  static constexpr size_t kCodeBytes = kBlock * kLanes / 2, kScaleBytes = kLanes;

  template <size_t G, class Emit>
  static INLINE void unpack(const uint8_t* codes, size_t, const Emit& emit) {
    static_assert(G == 1);
    const __m512 table = _mm512_setr_ps(0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f, 0.0f, -0.5f,
                                        -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
      const __m512i eight = _mm512_loadu_si512(codes + 64 * i);
#pragma GCC unroll 8
      for (unsigned n = 0; n < 8; ++n) {
        const __m512 one = _mm512_permutexvar_ps(_mm512_srli_epi32(eight, 4 * n), table);
        const __m512i w = _mm512_castps_si512(one);
        emit(8 * i + n, &w);
      }
    }
  }

  static INLINE __m512i scale(const uint8_t* scales) { return mxfp4_scales(scales, 128); }
  static INLINE __m512 finish(__m512 total, Sum sum, __m512i scale, const X*) {
    return _mm512_fmadd_ps(sum, _mm512_castsi512_ps(scale), total);
  }
};

struct Bf16 : Exact {
  static constexpr size_t kCodeBytes = 2 * kBlock * kLanes, kScaleBytes = 0;

  template <size_t G, class Emit>
  static INLINE void unpack(const uint8_t* codes, size_t, const Emit& emit) {
    static_assert(G == 1);
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; ++i) {
      const __m512i pairs = _mm512_loadu_si512(codes + 64 * i);
      const __m512i even = _mm512_slli_epi32(pairs, 16);
      const __m512i odd = _mm512_and_si512(pairs, _mm512_set1_epi32(-65536));
      emit(2 * i, &even);
      emit(2 * i + 1, &odd);
    }
  }

  static INLINE __m512i scale(const uint8_t*) { return _mm512_setzero_si512(); }
  static INLINE __m512 finish(__m512 total, Sum sum, __m512i, const X*) {
    return _mm512_add_ps(sum, total);
  }
};

// Writes 16 rows of one token; rows past the matrix's end are left alone.
INLINE void put(const Tile& tile, size_t token, size_t row, __m512 total) {
  const size_t left = tile.rows - row;
  const auto mask = static_cast<__mmask16>(left < kLanes ? (1u << left) - 1 : 0xffffu);
  float* out = tile.out + token * tile.ld + row;
  if (tile.bias) total = _mm512_add_ps(total, _mm512_maskz_loadu_ps(mask, tile.bias + row));
  if (tile.add) total = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, out), total);
  _mm512_mask_storeu_ps(out, mask, total);
}

// One of `passes` passes over G row groups that follow each other, in which the memory that comes next
// is fetched in even parts. Two groups share a token's loads: 8 tokens x 16 rows would be bound by them.
template <class W, size_t T, size_t G>
void stream(const Tile& tile, size_t row, size_t token, size_t pass, size_t passes) {
  const uint8_t* codes = tile.weights + row / kLanes * tile.group_bytes;
  const uint8_t* scales = codes + tile.blocks * W::kCodeBytes;
  const void* x[T];
  __m512 total[T][G];
  for (size_t t = 0; t < T; ++t) {
    x[t] = tile.x[token + t];
    for (size_t g = 0; g < G; ++g) total[t][g] = _mm512_setzero_ps();
  }
  const size_t part = G * tile.group_bytes / passes, fetch = part / tile.blocks;
  const uint8_t* ahead = codes + kAhead + G * tile.group_bytes - part + pass * part;
  for (size_t b = 0; b < tile.blocks; ++b, codes += W::kCodeBytes, scales += W::kScaleBytes) {
    for (size_t line = 0; line < fetch; line += 64)
      _mm_prefetch(reinterpret_cast<const char*>(ahead + line), _MM_HINT_T0);
    ahead += fetch;
    typename W::Sum sum[T][G];
    for (size_t t = 0; t < T; ++t)
      for (size_t g = 0; g < G; ++g) sum[t][g] = W::start(W::block(x[t], b));
    W::template unpack<G>(codes, tile.group_bytes, [&](size_t i, const __m512i* w) __attribute__((always_inline)) {
#pragma GCC unroll 8
      for (size_t t = 0; t < T; ++t) {
        const auto factor = W::factor(W::block(x[t], b), i);
#pragma GCC unroll 2
        for (size_t g = 0; g < G; ++g) sum[t][g] = W::step(sum[t][g], w[g], factor);
      }
    });
#pragma GCC unroll 2
    for (size_t g = 0; g < G; ++g) {
      const __m512i scale = W::scale(scales + g * tile.group_bytes);
#pragma GCC unroll 8
      for (size_t t = 0; t < T; ++t) total[t][g] = W::finish(total[t][g], sum[t][g], scale, W::block(x[t], b));
    }
  }
  for (size_t t = 0; t < T; ++t)
    for (size_t g = 0; g < G; ++g) put(tile, token + t, row + g * kLanes, total[t][g]);
}

// In as few passes, as even, as can be: 9 tokens are 5 + 4, not 8 + 1. Later passes find the weights in
// the L2 cache.
template <class W, size_t G>
void stream_all(const Tile& tile, size_t row) {
  constexpr size_t kMost = G == 1 ? 8 : 6;  // tokens whose sums and totals fit the registers
  const size_t passes = (tile.tokens + kMost - 1) / kMost;
  for (size_t i = 0, t = 0; i < passes; ++i) {
    const size_t take = tile.tokens / passes + (i < tile.tokens % passes);
    switch (take) {
      case 1: stream<W, 1, G>(tile, row, t, i, passes); break;
      case 2: stream<W, 2, G>(tile, row, t, i, passes); break;
      case 3: stream<W, 3, G>(tile, row, t, i, passes); break;
      case 4: stream<W, 4, G>(tile, row, t, i, passes); break;
      case 5: stream<W, 5, G>(tile, row, t, i, passes); break;
      case 6: stream<W, 6, G>(tile, row, t, i, passes); break;
      case 7: if constexpr (G == 1) stream<W, 7, G>(tile, row, t, i, passes); break;
      case 8: if constexpr (G == 1) stream<W, 8, G>(tile, row, t, i, passes); break;
    }
    t += take;
  }
}

// Unpacked weights of two row groups.
template <class W>
struct alignas(64) Panel {
  __m512i weights[kPanelBlocks][kPanelRegisters][2];
  __m512i scales[kPanelBlocks][2];

  void fill(const Tile& tile, size_t row, size_t first, size_t count) {
    for (size_t g = 0; g < 2; ++g) {
      const uint8_t* group = tile.weights + (row / kLanes + g) * tile.group_bytes;
      const uint8_t* group_scales = group + tile.blocks * W::kCodeBytes;
      for (size_t b = 0; b < count; ++b) {
        W::template unpack<1>(
            group + (first + b) * W::kCodeBytes, 0,
            [&](size_t i, const __m512i* w) __attribute__((always_inline)) { weights[b][i][g] = *w; });
        scales[b][g] = W::scale(group_scales + (first + b) * W::kScaleBytes);
      }
    }
  }
};

// Goes on with the sums of T tokens over `count` blocks from `first` on.
template <class W, size_t T>
void multiply_panel(const Panel<W>& panel, const void* const* rows, size_t first, size_t count,
                    __m512 (*totals)[2]) {
  const void* x[T];
  __m512 total[T][2];
  for (size_t t = 0; t < T; ++t) {
    x[t] = rows[t];
    for (size_t g = 0; g < 2; ++g) total[t][g] = totals[t][g];
  }
  for (size_t b = 0; b < count; ++b) {
    typename W::Sum sum[T][2];
    for (size_t t = 0; t < T; ++t) sum[t][0] = sum[t][1] = W::start(W::block(x[t], first + b));
#pragma GCC unroll 8
    for (size_t i = 0; i < kPanelRegisters; ++i)
#pragma GCC unroll 6
      for (size_t t = 0; t < T; ++t) {
        const auto factor = W::factor(W::block(x[t], first + b), i);
        sum[t][0] = W::step(sum[t][0], panel.weights[b][i][0], factor);
        sum[t][1] = W::step(sum[t][1], panel.weights[b][i][1], factor);
      }
    for (size_t t = 0; t < T; ++t)
      for (size_t g = 0; g < 2; ++g)
        total[t][g] = W::finish(total[t][g], sum[t][g], panel.scales[b][g], W::block(x[t], first + b));
  }
  for (size_t t = 0; t < T; ++t)
    for (size_t g = 0; g < 2; ++g) totals[t][g] = total[t][g];
}

// Tiles of 5 or 6 tokens, as even as can be (4 for the odd count), since kFewTokens < tokens.
template <class W>
void multiply_tokens(const Panel<W>& panel, const void* const* x, size_t tokens, size_t first,
                     size_t count, __m512 (*totals)[2]) {
  const size_t tiles = (tokens + kPanelTokens - 1) / kPanelTokens;
  for (size_t i = 0, t = 0; i < tiles; ++i) {
    const size_t take = tokens / tiles + (i < tokens % tiles);
    if (take == 6) multiply_panel<W, 6>(panel, x + t, first, count, totals + t);
    if (take == 5) multiply_panel<W, 5>(panel, x + t, first, count, totals + t);
    if (take == 4) multiply_panel<W, 4>(panel, x + t, first, count, totals + t);
    t += take;
  }
}

template <class W>
void panel_rows(const Tile& tile, size_t row) {
  Panel<W> panel;
  __m512 totals[kTokens][2];
  for (size_t t = 0; t < tile.tokens; ++t) totals[t][0] = totals[t][1] = _mm512_setzero_ps();
  for (size_t first = 0; first < tile.blocks; first += kPanelBlocks) {
    const size_t left = tile.blocks - first;
    const size_t count = left < kPanelBlocks ? left : kPanelBlocks;
    panel.fill(tile, row, first, count);
    multiply_tokens(panel, tile.x, tile.tokens, first, count, totals);
  }
  for (size_t t = 0; t < tile.tokens; ++t) {
    put(tile, t, row, totals[t][0]);
    put(tile, t, row + kLanes, totals[t][1]);
  }
}

// Float32 multiplications gain nothing from a panel: one load each keeps up with them.
template <class W>
void multiply_exact(const Tile& tile) {
  for (size_t row = 0; row < tile.rows; row += kLanes) stream_all<W, 1>(tile, row);
}

template <class W>
void multiply_int8(const Tile& tile) {
  size_t row = 0;
  if (tile.tokens > kFewTokens)
    for (; row + kLanes < tile.rows; row += 2 * kLanes) panel_rows<W>(tile, row);
  if (tile.tokens > kOneGroup)
    for (; row + kLanes < tile.rows; row += 2 * kLanes) stream_all<W, 2>(tile, row);
  for (; row < tile.rows; row += kLanes) stream_all<W, 1>(tile, row);
}

void quantize(const float* x, size_t blocks, QuantizedBlock* out) {
  const __m256i order = _mm256_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15, 0, 2, 4,
                                         6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
  for (size_t b = 0; b < blocks; ++b) {
    const __m512 low = _mm512_loadu_ps(x + b * kBlock), high = _mm512_loadu_ps(x + b * kBlock + 16);
    const float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
    float scale = most / 127.0f;
    scale = scale < 0x1p-60f ? 0x1p-60f : scale > 0x1p60f ? 0x1p60f : scale;
    const __m512 inverse = _mm512_set1_ps(1.0f / scale);
    const __m512i low_codes = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));
    const __m512i high_codes = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
    const __m256i codes = _mm256_set_m128i(_mm512_cvtsepi32_epi8(high_codes),
                                           _mm512_cvtsepi32_epi8(low_codes));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[b].codes), _mm256_shuffle_epi8(codes, order));
    out[b].scale = scale;
    out[b].offset = -128 * _mm512_reduce_add_epi32(_mm512_add_epi32(low_codes, high_codes));
  }
}

bool here() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi");
}

}  // namespace

const InstructionSet* avx512vnni() {
  static constexpr InstructionSet set{"avx512vnni",
                                      multiply_exact<Bf16>,
                                      multiply_exact<Mxfp4Exact>,
                                      multiply_int8<Mxfp4Int8>,
                                      multiply_int8<Q8>,
                                      quantize};
  return here() ? &set : nullptr;
}

}  // namespace ossay::isa

#else

namespace ossay::isa {

const InstructionSet* avx512vnni() { return nullptr; }

}  // namespace ossay::isa

#endif
