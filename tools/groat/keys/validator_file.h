// The public part of a validator's keys, to be handed to whoever puts a genesis or a change of
// validators together. Each operator makes its own; the secret parts never leave it.
//
//   NAME.signing.key.pem, NAME.signing.pub               Ed25519: blocks, mesh, votes
//   NAME-votes.signing.key.pem, NAME-votes.signing.pub   BLS: votes, with BLS certificates
//   NAME.validator.json                                  both public keys, no secret
//
// The last one is JSON: "name", "public_key" (64 hexadecimal digits), and for the BLS key
// "bls_public_key" (96) and "bls_proof_of_possession" (192), both or neither.
//
// Not pure: touches the file system.
#ifndef GROAT_TOOLS_GROAT_KEYS_VALIDATOR_FILE_H_
#define GROAT_TOOLS_GROAT_KEYS_VALIDATOR_FILE_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hotstuff/genesis.h"
#include "tools/groat/keys/network_folder.h"

namespace groat::keys {

struct NamedValidator {
  std::string name;  // Of the file alone: it is no part of a genesis. 1 to 64 printable characters.
  hotstuff::Validator keys;
};

std::string FormatValidator(const NamedValidator& validator);
// InvalidArgument names the first field that is missing, unknown or malformed, and a proof of
// possession that is wrong.
absl::StatusOr<NamedValidator> ParseValidator(std::string_view json);

absl::Status WriteValidator(const std::filesystem::path& path, const NamedValidator& validator);
// Errors name the path.
absl::StatusOr<NamedValidator> ReadValidator(const std::filesystem::path& path);

// Makes both key pairs of a validator in a folder, which must be there, and its public file.
// AlreadyExists if one of the names is taken.
absl::StatusOr<NamedValidator> CreateValidator(const NetworkFolder& folder,
                                               const std::string& name);

// The validators of several files in their order, as certificates of this kind need them: a BLS key
// that would not be used is left out. Errors as ReadValidator; InvalidArgument names the file of a
// validator that lacks a BLS key, or has the key of another one.
absl::StatusOr<std::vector<NamedValidator>> ReadValidators(const std::vector<std::string>& paths,
                                                           hotstuff::CertificateKind certificates);

}  // namespace groat::keys

#endif  // GROAT_TOOLS_GROAT_KEYS_VALIDATOR_FILE_H_
