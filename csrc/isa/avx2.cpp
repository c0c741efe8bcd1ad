// Flags: -O3 -mavx2 -mfma
//
// A lane is a row, as in avx512vnni.cpp: a row group is two registers, taken one after the other, with
// up to 4 tokens at once. Bytes are multiplied as |weight| * (sign of weight * activation).
#include "isa.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#include <cstring>

#define INLINE inline __attribute__((always_inline))

namespace ossay::isa {
namespace {

constexpr size_t kPass = 4;  // the most tokens at once
constexpr size_t kHalf = 8;  // rows of a register

INLINE __m256i load(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

INLINE __m256i mxfp4_scales(const uint8_t* scales, int bias) {
  const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(scales));
  return _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtepi8_epi32(codes), _mm256_set1_epi32(bias)), 23);
}

// How sums over a block run in each precision. X is a token's block.

struct Int8 {
  using X = QuantizedBlock;
  static INLINE const X* block(const void* x, size_t b) { return static_cast<const X*>(x) + b; }
  // Sums of neighbours, int16: at most 2 * 128 * 127.
  static INLINE __m256i pairs(__m256i w, const X* x, size_t i) {
    int32_t four;
    std::memcpy(&four, x->codes + 4 * i, 4);
    return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(_mm256_set1_epi32(four), w));
  }
  static INLINE __m256i widen(__m256i pairs) { return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)); }
};

struct Exact {
  using X = float;
  using Sum = __m256;
  static INLINE const X* block(const void* x, size_t b) { return static_cast<const X*>(x) + b * kBlock; }
  static INLINE Sum start() { return _mm256_setzero_ps(); }
  static INLINE Sum step(Sum sum, __m256i w, const X* x, size_t i) {
    return _mm256_fmadd_ps(_mm256_castsi256_ps(w), _mm256_set1_ps(x[i]), sum);
  }
};

// The formats, as in avx512vnni.cpp. Codes and scales are those of 8 rows; rows of codes are 64 bytes.

struct Mxfp4Int8 : Int8 {
  using Sum = __m256i;  // int16: 8 steps of at most 2 * 12 * 127 fit
  static constexpr size_t kCodeBytes = kBlock * kLanes / 2, kScaleBytes = kLanes;

  template <class Emit>
  static INLINE void unpack(const uint8_t* codes, const Emit& emit) {
    const __m256i table = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12));
    const __m256i low = _mm256_set1_epi8(15);
    for (size_t i = 0; i < 4; ++i) {
      const __m256i both = load(codes + 64 * i);
      emit(2 * i, _mm256_shuffle_epi8(table, _mm256_and_si256(both, low)));
      emit(2 * i + 1, _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(both, 4), low)));
    }
  }
  static INLINE __m256i scale(const uint8_t* scales) { return mxfp4_scales(scales, 0); }
  static INLINE Sum start() { return _mm256_setzero_si256(); }
  static INLINE Sum step(Sum sum, __m256i w, const X* x, size_t i) {
    return _mm256_add_epi16(sum, pairs(w, x, i));
  }
  static INLINE __m256 finish(__m256 total, Sum sum, __m256i scale, const X* x) {
    int32_t bits;
    std::memcpy(&bits, &x->scale, 4);
    const __m256i product = _mm256_add_epi32(scale, _mm256_set1_epi32(bits));
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(widen(sum)), _mm256_castsi256_ps(product), total);
  }
};

struct Q8 : Int8 {
  using Sum = __m256i;
  static constexpr size_t kCodeBytes = kBlock * kLanes, kScaleBytes = 2 * kLanes;

  template <class Emit>
  static INLINE void unpack(const uint8_t* codes, const Emit& emit) {
    for (size_t i = 0; i < 8; ++i)
      emit(i, _mm256_xor_si256(load(codes + 64 * i), _mm256_set1_epi8(-128)));
  }
  static INLINE __m256i scale(const uint8_t* scales) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(scales));
    return _mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16);
  }
  static INLINE Sum start() { return _mm256_setzero_si256(); }
  static INLINE Sum step(Sum sum, __m256i w, const X* x, size_t i) {
    return _mm256_add_epi32(sum, widen(pairs(w, x, i)));
  }
  static INLINE __m256 finish(__m256 total, Sum sum, __m256i scale, const X* x) {
    const __m256 product = _mm256_mul_ps(_mm256_castsi256_ps(scale), _mm256_set1_ps(x->scale));
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), product, total);
  }
};

struct Mxfp4Exact : Exact {
  static constexpr size_t kCodeBytes = kBlock * kLanes / 2, kScaleBytes = kLanes;

  template <class Emit>
  static INLINE void unpack(const uint8_t* codes, const Emit& emit) {
    const __m256 table = _mm256_setr_ps(0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f);
    const __m256i sign = _mm256_set1_epi32(INT32_MIN);
    for (size_t i = 0; i < 4; ++i) {
      __m256i eight = load(codes + 64 * i);
      for (size_t n = 0; n < 8; ++n, eight = _mm256_srli_epi32(eight, 4)) {
        const __m256i size = _mm256_castps_si256(_mm256_permutevar8x32_ps(table, eight));
        emit(8 * i + n, _mm256_or_si256(size, _mm256_and_si256(_mm256_slli_epi32(eight, 28), sign)));
      }
    }
  }
  static INLINE __m256i scale(const uint8_t* scales) { return mxfp4_scales(scales, 128); }
  static INLINE __m256 finish(__m256 total, Sum sum, __m256i scale, const X*) {
    return _mm256_fmadd_ps(sum, _mm256_castsi256_ps(scale), total);
  }
};

struct Bf16 : Exact {
  static constexpr size_t kCodeBytes = 2 * kBlock * kLanes, kScaleBytes = 0;

  template <class Emit>
  static INLINE void unpack(const uint8_t* codes, const Emit& emit) {
    for (size_t i = 0; i < 16; ++i) {
      const __m256i both = load(codes + 64 * i);
      emit(2 * i, _mm256_slli_epi32(both, 16));
      emit(2 * i + 1, _mm256_and_si256(both, _mm256_set1_epi32(-65536)));
    }
  }
  static INLINE __m256i scale(const uint8_t*) { return _mm256_setzero_si256(); }
  static INLINE __m256 finish(__m256 total, Sum sum, __m256i, const X*) {
    return _mm256_add_ps(sum, total);
  }
};

// Writes 8 rows of one token; rows past the matrix's end are left alone.
INLINE void put(const Tile& tile, size_t token, size_t row, __m256 total) {
  const int left = static_cast<int>(tile.rows - row < kHalf ? tile.rows - row : kHalf);
  const __m256i mask =
      _mm256_cmpgt_epi32(_mm256_set1_epi32(left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  float* out = tile.out + token * tile.ld + row;
  if (tile.bias) total = _mm256_add_ps(total, _mm256_maskload_ps(tile.bias + row, mask));
  if (tile.add) total = _mm256_add_ps(_mm256_maskload_ps(out, mask), total);
  _mm256_maskstore_ps(out, mask, total);
}

template <class W, size_t T>
void stream(const Tile& tile, size_t row, size_t token) {
  const uint8_t* group = tile.weights + row / kLanes * tile.group_bytes;
  const size_t half = row % kLanes / kHalf;
  const uint8_t* codes = group + 32 * half;
  const uint8_t* scales = group + tile.blocks * W::kCodeBytes + W::kScaleBytes / 2 * half;
  __m256 total[T];
  for (size_t t = 0; t < T; ++t) total[t] = _mm256_setzero_ps();
  for (size_t b = 0; b < tile.blocks; ++b, codes += W::kCodeBytes, scales += W::kScaleBytes) {
    const typename W::X* x[T];
    typename W::Sum sum[T];
    for (size_t t = 0; t < T; ++t) {
      x[t] = W::block(tile.x[token + t], b);
      sum[t] = W::start();
    }
    W::unpack(codes, [&](size_t i, __m256i w) __attribute__((always_inline)) {
      for (size_t t = 0; t < T; ++t) sum[t] = W::step(sum[t], w, x[t], i);
    });
    const __m256i scale = W::scale(scales);
    for (size_t t = 0; t < T; ++t) total[t] = W::finish(total[t], sum[t], scale, x[t]);
  }
  for (size_t t = 0; t < T; ++t) put(tile, token + t, row, total[t]);
}

template <class W>
void multiply(const Tile& tile) {
  for (size_t group = 0; group < tile.rows; group += kLanes)
    for (size_t row = group; row < group + kLanes && row < tile.rows; row += kHalf) {
      size_t t = 0;
      for (; t + kPass <= tile.tokens; t += kPass) stream<W, kPass>(tile, row, t);
      switch (tile.tokens - t) {
        case 1: stream<W, 1>(tile, row, t); break;
        case 2: stream<W, 2>(tile, row, t); break;
        case 3: stream<W, 3>(tile, row, t); break;
      }
    }
}

float largest(const float* x) {
  float most = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    const float size = x[i] < 0 ? -x[i] : x[i];
    if (size > most) most = size;
  }
  return most;
}

void quantize(const float* x, size_t blocks, QuantizedBlock* out) {
  for (size_t b = 0; b < blocks; ++b, x += kBlock) {
    const float most = largest(x) / 127.0f;
    const float scale = most < 0x1p-60f ? 0x1p-60f : most > 0x1p60f ? 0x1p60f : most;
    const __m128 inverse = _mm_set1_ps(1.0f / scale);
    int32_t codes[kBlock], sum = 0;
    for (size_t i = 0; i < kBlock; i += 4)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i),
                       _mm_cvtps_epi32(_mm_mul_ps(_mm_loadu_ps(x + i), inverse)));
    for (size_t i = 0; i < kBlock; ++i) {
      const int32_t code = codes[i / 8 * 8 + i % 4 * 2 + i % 8 / 4];
      out[b].codes[i] = static_cast<int8_t>(code < -127 ? -127 : code > 127 ? 127 : code);
      sum += out[b].codes[i];
    }
    out[b].scale = scale;
    out[b].offset = -128 * sum;
  }
}

}  // namespace

const InstructionSet* avx2() {
  static constexpr InstructionSet set{"avx2",
                                      multiply<Bf16>,
                                      multiply<Mxfp4Exact>,
                                      multiply<Mxfp4Int8>,
                                      multiply<Q8>,
                                      quantize};
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &set : nullptr;
}

}  // namespace ossay::isa

#else

namespace ossay::isa {

const InstructionSet* avx2() { return nullptr; }

}  // namespace ossay::isa

#endif
