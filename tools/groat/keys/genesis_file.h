// The genesis of a chain of consensus in a file: one line of hexadecimal digits (the encoding is in
// hotstuff/genesis.h). All replicas must have the same; it is no secret.
//
// Not pure: touches the file system.
#ifndef GROAT_TOOLS_GROAT_KEYS_GENESIS_FILE_H_
#define GROAT_TOOLS_GROAT_KEYS_GENESIS_FILE_H_

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hotstuff/genesis.h"

namespace groat::keys {

// How choices of a genesis are called in flags and output: "two_chain", "three_chain"; "ed25519",
// "bls"; "next_leader", "all".
std::string NameOf(hotstuff::RuleSet rules);
std::string NameOf(hotstuff::CertificateKind certificates);
std::string NameOf(hotstuff::VoteSpread votes);

// NotFound and the like name the path; InvalidArgument if it is no sound genesis.
absl::StatusOr<hotstuff::Genesis> ReadGenesis(const std::filesystem::path& path);
// AlreadyExists if the path is there; InvalidArgument if the genesis is not sound.
absl::Status WriteGenesis(const std::filesystem::path& path, const hotstuff::Genesis& genesis);

}  // namespace groat::keys

#endif  // GROAT_TOOLS_GROAT_KEYS_GENESIS_FILE_H_
