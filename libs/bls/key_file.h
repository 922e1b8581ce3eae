// Keys on disk, as text between lines of dashes with a checksum.
//
// Secret, in a file of mode 0600; whoever else may read it, it is refused:
//   -----BEGIN GROAT BLS SECRET KEY-----
//   64 hexadecimal digits, the key
//   16 hexadecimal digits, the checksum
//   -----END GROAT BLS SECRET KEY-----
// Public, mode 0644: the same with PUBLIC, 96 digits for the key and a line of 192 digits for its
// proof of possession before the checksum.
// The checksum is the first 8 bytes of SHA-256("groat bls secret key v1\n" or "groat bls public key
// v1\n", then the bytes before it). It finds slips of hand and damaged files, not attackers.
//
// The texts are pure; secrets are turned into text and back without a branch or index on their
// bits. The files are not pure: every write is durable and atomic.
#ifndef GROAT_BLS_KEY_FILE_H_
#define GROAT_BLS_KEY_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/whole_file.h"
#include "bls/key_directory.h"
#include "bls/secret_key.h"
#include "crypto/key_file.h"

namespace groat::bls {

SecretText SecretKeyToText(const SecretKey& key);
// InvalidArgument unless the text is exactly what SecretKeyToText writes.
absl::StatusOr<SecretKey> SecretKeyFromText(std::string_view text);

std::string RegistrationToText(const Registration& registration);
// InvalidArgument unless the text is exactly what RegistrationToText writes. The proof is decoded,
// not verified.
absl::StatusOr<Registration> RegistrationFromText(std::string_view text);

// AlreadyExists with kRefuse if the path is there: a key that is overwritten is lost.
absl::Status WriteSecretKeyFile(const std::string& path, const SecretKey& key, IfExists if_exists);
// PermissionDenied names path and mode if group or others have any permission on the file;
// InvalidArgument names the path if its content is no secret key.
absl::StatusOr<SecretKey> ReadSecretKeyFile(const std::string& path);

absl::Status WriteRegistrationFile(const std::string& path, const Registration& registration,
                                   IfExists if_exists);
absl::StatusOr<Registration> ReadRegistrationFile(const std::string& path);

}  // namespace groat::bls

#endif  // GROAT_BLS_KEY_FILE_H_
