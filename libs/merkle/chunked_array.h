// A growing array of plain values that never moves what is in it once it is large, so growing costs
// no copy of everything and leaves no unused half. Small arrays take little.
//
// Single owner; const access may be shared.
#ifndef GROAT_MERKLE_CHUNKED_ARRAY_H_
#define GROAT_MERKLE_CHUNKED_ARRAY_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "base/check.h"

namespace groat::merkle {

// Chunks of kChunkSize values (a power of two); the first grows to that by doubling.
template <typename T, size_t kChunkSize>
class ChunkedArray {
  static_assert(std::has_single_bit(kChunkSize) && std::is_trivially_copyable_v<T>);

 public:
  size_t size() const { return size_; }
  T& operator[](size_t i) { return chunks_[i / kChunkSize][i % kChunkSize]; }
  const T& operator[](size_t i) const { return chunks_[i / kChunkSize][i % kChunkSize]; }

  // References stay good until the next push_back while size() < kChunkSize, for ever above.
  void push_back(const T& value) {
    if (size_ == capacity_) Grow();
    (*this)[size_] = value;
    ++size_;
  }

  size_t memory_bytes() const {
    return capacity_ * sizeof(T) + chunks_.capacity() * sizeof(chunks_[0]);
  }

 private:
  void Grow() {
    if (capacity_ >= kChunkSize || capacity_ == 0) {
      const size_t count = capacity_ == 0 ? std::min<size_t>(16, kChunkSize) : kChunkSize;
      chunks_.push_back(std::make_unique_for_overwrite<T[]>(count));
      capacity_ += count;
      return;
    }
    capacity_ *= 2;
    auto larger = std::make_unique_for_overwrite<T[]>(capacity_);
    std::copy_n(chunks_[0].get(), size_, larger.get());
    chunks_[0] = std::move(larger);
  }

  std::vector<std::unique_ptr<T[]>> chunks_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_CHUNKED_ARRAY_H_
