// What this machine can do at most. Knows nothing of models.
#pragma once

#include <cstddef>

namespace ossay {

// 1e9 bytes a second, memory read front to back again and again: the mean over so many seconds, since
// what a single pass reaches may be more than the memory of a shared machine can keep up.
double read_bandwidth(size_t bytes, int threads, double seconds);
double int8_peak(int threads);  // 1e9 operations a second; a multiply-add is two
double fp32_peak(int threads);

}  // namespace ossay
