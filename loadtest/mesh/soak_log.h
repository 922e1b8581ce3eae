// What a node of the soak did, in a file that outlives the process: messages that it made, that
// were acknowledged to it, and that it took from others.
//
//   entry   kind u8 ‖ peer u32 ‖ number u64, big-endian
//
// Written before the node acts on it. A process that is killed may leave part of an entry, which
// the next one cuts off; what a machine loses with its power is not the subject here, so nothing is
// synced. Not thread-safe.
#ifndef GROAT_LOADTEST_MESH_SOAK_LOG_H_
#define GROAT_LOADTEST_MESH_SOAK_LOG_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace groat::load {

enum class SoakKind : uint8_t { kMade = 1, kAcknowledged = 2, kTaken = 3 };

struct SoakEntry {
  SoakKind kind = SoakKind::kMade;
  uint32_t peer = 0;
  uint64_t number = 0;  // Of the messages from one node to another, from 1.
};

// All whole entries. NotFound if there is no such file; DataLoss for an unknown kind.
absl::StatusOr<std::vector<SoakEntry>> ReadSoakLog(const std::string& path);

class SoakLog {
 public:
  // Makes the file, or goes on behind its last whole entry. CHECKs that it can.
  explicit SoakLog(const std::string& path);
  ~SoakLog();
  SoakLog(const SoakLog&) = delete;
  SoakLog& operator=(const SoakLog&) = delete;

  void Append(const SoakEntry& entry);

 private:
  int file_;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_SOAK_LOG_H_
