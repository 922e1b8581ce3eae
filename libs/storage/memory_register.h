// The register in memory, for tests and simulations.
//
// Thread-safe. Its time is virtual and moves only by AdvanceTime, so leases expire exactly when a
// test says so; everything else follows from the order of the calls.
#ifndef GROAT_STORAGE_MEMORY_REGISTER_H_
#define GROAT_STORAGE_MEMORY_REGISTER_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "storage/local_register.h"
#include "storage/register_state.h"

namespace groat::storage {

class MemoryRegister : public LocalRegister {
 public:
  MemoryRegister();
  // Starts from a copied state, e.g. an older one of another register: what a restored backup is.
  explicit MemoryRegister(RegisterState state);

  // Leases whose time is over lose their keys before this returns.
  void AdvanceTime(absl::Duration duration);
  using LocalRegister::ExpireAllLeases;

  // A copy of the whole state, and the way back to it. Running watches go on and see only the
  // events above the revision that they have reached, as after a restored backup of etcd.
  RegisterState Snapshot() const;
  void Restore(RegisterState state);

 private:
  // Shared with the base class, whose thread reads it until the base class is destroyed.
  using SharedTime = std::shared_ptr<std::atomic<int64_t>>;
  MemoryRegister(RegisterState state, SharedTime elapsed_ns);

  const SharedTime elapsed_ns_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_MEMORY_REGISTER_H_
