// Memory that bulk sums work in, kept from one to the next: taking a mebibyte from the system anew
// costs a few percent of a sum.
//
// Not thread-safe: one for each thread that sums.
#ifndef GROAT_BLS_BULK_WORKSPACE_H_
#define GROAT_BLS_BULK_WORKSPACE_H_

#include <cstddef>
#include <memory>
#include <new>

namespace groat::bls {

class Workspace {
 public:
  // At least `size_bytes`, at a multiple of 4096. Valid until the next call; content is not kept.
  void* Reserve(size_t size_bytes) {
    if (size_bytes > size_bytes_) {
      memory_.reset();
      memory_.reset(static_cast<std::byte*>(::operator new(size_bytes, kAlignment)));
      size_bytes_ = size_bytes;
    }
    return memory_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{4096};
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, kAlignment); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  size_t size_bytes_ = 0;
};

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_WORKSPACE_H_
