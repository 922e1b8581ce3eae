// Small files that are read and written as a whole: keys, identities, configuration.
//
// Not pure: touches the file system. For programs and for libraries about files, never for a core.
#ifndef GROAT_BASE_WHOLE_FILE_H_
#define GROAT_BASE_WHOLE_FILE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace groat {

struct WholeFile {
  std::string content;
  mode_t mode = 0;  // The permission bits, e.g. 0600.
};

// NotFound, PermissionDenied and the like name the path. FailedPrecondition if it is not a regular
// file, ResourceExhausted if it is larger than `max_bytes`.
absl::StatusOr<WholeFile> ReadWholeFile(const std::string& path, size_t max_bytes);

enum class IfExists { kRefuse, kReplace };

// Durable on return, and atomic: at any time the path has the old content or the new, all of it,
// never with wider permissions than `mode`. AlreadyExists with kRefuse if the path is there. On
// error the path is as it was, but for a failed fsync of its folder.
absl::Status WriteWholeFile(const std::string& path, ByteView content, mode_t mode,
                            IfExists if_exists);

}  // namespace groat

#endif  // GROAT_BASE_WHOLE_FILE_H_
