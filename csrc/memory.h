// Memory for what is streamed: aligned to cache lines, on huge pages where it is large.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace ossay {

constexpr size_t kCacheLine = 64;
constexpr size_t kHugePage = size_t{2} << 20;

constexpr size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

// Not initialised: pages come when they are first written.
class Memory {
 public:
  explicit Memory(size_t bytes) : bytes_(held(bytes)) {
    const size_t alignment = bytes < kHugePage ? kCacheLine : kHugePage;
    void* found = nullptr;
    if (posix_memalign(&found, alignment, bytes_) == 0) data_.reset(static_cast<uint8_t*>(found));
    if (!data_) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (alignment == kHugePage) madvise(data_.get(), bytes_, MADV_HUGEPAGE);
#endif
  }

  uint8_t* data() { return data_.get(); }
  const uint8_t* data() const { return data_.get(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  // No byte more where AddressSanitizer looks for whoever goes past the end.
  static size_t held(size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
    return bytes;
#else
    return round_up(bytes + kCacheLine, bytes < kHugePage ? kCacheLine : kHugePage);
#endif
  }

  size_t bytes_;
  std::unique_ptr<uint8_t, Free> data_;
};

}  // namespace ossay
