// Flags: -mavx2 -mfma -mf16c
#include "vector.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>

namespace ossay::isa {
namespace {

constexpr size_t kWidth = 8;
constexpr size_t kRows = 4;
constexpr size_t kChains = 12;  // sums at once: more than a multiply-add takes to finish

// n is a multiple of 8.
void from_half(const uint16_t* x, size_t n, float* out) {
  for (size_t i = 0; i < n; i += 8)
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
}

void to_half(const float* x, size_t n, uint16_t* out) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
  for (; i < n; ++i) out[i] = _cvtss_sh(x[i], _MM_FROUND_TO_NEAREST_INT);
}

double int8_rounds(size_t rounds) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums[kChains] = {};
  for (size_t round = 0; round < rounds; ++round)
    for (__m256i& sum : sums)
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(sum, ones), ones));
  __m256i all_of = ones;
  for (const __m256i& sum : sums) all_of = _mm256_or_si256(all_of, sum);
  return _mm256_testz_si256(all_of, all_of) ? 0 : 2.0 * 32 * kChains * static_cast<double>(rounds);
}

}  // namespace
}  // namespace ossay::isa

#include "vector_body.h"

namespace ossay::isa {

const VectorSet* vector_avx2() {
  static constexpr VectorSet set{"avx2",  attend,    rms_norm,    swiglu,      add_scaled,
                                 to_half, from_half, fp32_rounds, int8_rounds, look};
  const bool runs =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  return runs ? &set : nullptr;
}

}  // namespace ossay::isa

#else

namespace ossay::isa {

const VectorSet* vector_avx2() { return nullptr; }

}  // namespace ossay::isa

#endif
