// The register on a local RocksDB: the ledger of a single node.
//
// Thread-safe. Every write is synced to disk before its call returns and before anyone sees it. All
// current values and the history since the last compaction are also held in memory, so the owner
// keeps the register small (the ledger keeps a window of blocks in it).
#ifndef GROAT_STORAGE_EMBEDDED_REGISTER_H_
#define GROAT_STORAGE_EMBEDDED_REGISTER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "storage/local_register.h"

namespace groat::storage {

class EmbeddedRegister : public LocalRegister {
 public:
  // Opens the database in the folder `path`, creating both if they are missing (not the folders
  // above). Leases of an earlier run start their time to live anew and then run out. Unavailable if
  // another process has it open, DataLoss if its content does not parse, else RocksDB's error.
  // A write or sync that fails later stops the process.
  static absl::StatusOr<std::unique_ptr<EmbeddedRegister>> Open(const std::string& path);

 private:
  EmbeddedRegister(RegisterState state, Persist persist);
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_EMBEDDED_REGISTER_H_
