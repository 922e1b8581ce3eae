#include "storage/memory_register.h"

#include <utility>

namespace groat::storage {

MemoryRegister::MemoryRegister() : MemoryRegister(RegisterState()) {}

MemoryRegister::MemoryRegister(RegisterState state)
    : MemoryRegister(std::move(state), std::make_shared<std::atomic<int64_t>>(0)) {}

MemoryRegister::MemoryRegister(RegisterState state, SharedTime elapsed_ns)
    : LocalRegister(std::move(state), nullptr,
                    [elapsed_ns] { return absl::FromUnixNanos(elapsed_ns->load()); }),
      elapsed_ns_(std::move(elapsed_ns)) {}

void MemoryRegister::AdvanceTime(absl::Duration duration) {
  elapsed_ns_->fetch_add(absl::ToInt64Nanoseconds(duration));
  ExpireLeases();
}

RegisterState MemoryRegister::Snapshot() const { return CopyState(); }

void MemoryRegister::Restore(RegisterState state) { ReplaceState(std::move(state)); }

}  // namespace groat::storage
