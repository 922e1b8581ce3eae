// A growing array of plain values that never moves what is in it once it is large, so growing costs
// no copy of everything and leaves no unused half. Small arrays take little.
//
// Chunks of 2 MiB or more are aligned and asked for as huge pages: a large trie is read at random,
// and with 4 KiB pages most of an insert's time goes to page-table walks (measured: 2.9 instead of
// 2.0 us at 10 million leaves). That is advice to the allocator and changes no result.
// Single owner; const access may be shared.
#ifndef GROAT_MERKLE_CHUNKED_ARRAY_H_
#define GROAT_MERKLE_CHUNKED_ARRAY_H_

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
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

  // Takes the memory for `count` more values from the system now. What is in the array stays
  // untouched, so this may run beside const functions. Does nothing while the array is small.
  void Reserve(size_t count) {
    if (capacity_ < kChunkSize) return;
    while (capacity_ - size_ + spare_.size() * kChunkSize < count) {
      Chunk chunk = Allocate(kChunkSize);
      // The system gives a page when it is first written to.
      auto* bytes = reinterpret_cast<volatile uint8_t*>(chunk.get());
      for (size_t i = 0; i < kChunkSize * sizeof(T); i += kPageBytes) bytes[i] = 0;
      spare_.push_back(std::move(chunk));
    }
  }

  size_t memory_bytes() const {
    return (capacity_ + spare_.size() * kChunkSize) * sizeof(T) +
           (chunks_.capacity() + spare_.capacity()) * sizeof(Chunk);
  }

 private:
  static constexpr size_t kHugePageBytes = size_t{2} << 20;
  static constexpr size_t kPageBytes = 4096;
  struct Free {
    void operator()(T* chunk) const { std::free(chunk); }
  };
  using Chunk = std::unique_ptr<T[], Free>;

  // Room for `count` values, not initialised.
  static Chunk Allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    const size_t alignment = bytes >= kHugePageBytes ? kHugePageBytes : 64;
    void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    GROAT_CHECK(memory != nullptr) << "out of memory for " << bytes << " bytes";
#if defined(MADV_HUGEPAGE)
    if (bytes >= kHugePageBytes) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return Chunk(static_cast<T*>(memory));
  }

  void Grow() {
    if (!spare_.empty()) {
      chunks_.push_back(std::move(spare_.back()));
      spare_.pop_back();
      capacity_ += kChunkSize;
      return;
    }
    if (capacity_ >= kChunkSize || capacity_ == 0) {
      const size_t count = capacity_ == 0 ? std::min<size_t>(16, kChunkSize) : kChunkSize;
      chunks_.push_back(Allocate(count));
      capacity_ += count;
      return;
    }
    capacity_ *= 2;
    auto larger = Allocate(capacity_);
    std::copy_n(chunks_[0].get(), size_, larger.get());
    chunks_[0] = std::move(larger);
  }

  std::vector<Chunk> chunks_;
  std::vector<Chunk> spare_;  // What Reserve took and Grow has not used.
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace groat::merkle

#endif  // GROAT_MERKLE_CHUNKED_ARRAY_H_
