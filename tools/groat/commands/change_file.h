// A change of validators and consents to it in files, to be passed between operators of whom each
// administers its own replica only.
//
//   change     one line of hexadecimal digits (ValidatorChange in hotstuff/validator_change.h)
//   approvals  JSON: {"change": DIGEST, "approvals": [{"signer": 0, "share": HEX}, ...]}; the
//   digest
//              has 64 hexadecimal digits, a share 128 or, with BLS certificates, 192
//
// Not pure: touches the file system. Neither file is secret.
#ifndef GROAT_TOOLS_GROAT_COMMANDS_CHANGE_FILE_H_
#define GROAT_TOOLS_GROAT_COMMANDS_CHANGE_FILE_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hotstuff/validator_change.h"

namespace groat::commands {

// AlreadyExists if the path is there.
absl::Status WriteChange(const std::string& path, const hotstuff::ValidatorChange& change);
// Errors name the path.
absl::StatusOr<hotstuff::ValidatorChange> ReadChange(const std::string& path);

// Shares by signer.
using Approvals = std::map<uint32_t, Bytes>;
// AlreadyExists if the path is there.
absl::Status WriteApprovals(const std::string& path, const Hash& change,
                            const Approvals& approvals);
// InvalidArgument names the path if it is malformed or of another change. Shares are not verified.
absl::StatusOr<Approvals> ReadApprovals(const std::string& path, const Hash& change);

}  // namespace groat::commands

#endif  // GROAT_TOOLS_GROAT_COMMANDS_CHANGE_FILE_H_
