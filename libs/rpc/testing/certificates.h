// Certificates for tests: an authority and certificates that it signs, with keys of either kind.
// Tests only.
#ifndef GROAT_RPC_TESTING_CERTIFICATES_H_
#define GROAT_RPC_TESTING_CERTIFICATES_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "rpc/tls.h"

namespace groat::rpc::testing {

enum class KeyKind { kP256, kEd25519 };

struct CertificateRequest {
  std::string common_name;
  KeyKind key_kind = KeyKind::kP256;
  std::vector<std::string> subject_alt_names = {"DNS:localhost", "IP:127.0.0.1"};
  // Validity relative to now.
  std::chrono::seconds not_before{-3600};
  std::chrono::seconds not_after{3600};
};

// An own temporary folder, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string Path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Replaces the file in one step, with exactly this mode.
void WriteTestFile(const std::string& path, const std::string& text, unsigned mode);

// Files of a test authority: everything lies in one temporary folder.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& common_name, KeyKind key_kind = KeyKind::kP256);
  ~TestAuthority();

  // Writes (or replaces) ca.pem, NAME.crt.pem and NAME.key.pem.
  TlsConfig Issue(const std::string& name, const CertificateRequest& request) const;
  // With the usual names and validity.
  TlsConfig Issue(const std::string& name) const { return Issue(name, {.common_name = name}); }
  // What Peer says of the public key in a certificate file.
  static Bytes32 PublicKeySha256(const TlsConfig& config);

  const TemporaryFolder& folder() const { return folder_; }

 private:
  struct Keys;
  TemporaryFolder folder_;
  std::unique_ptr<Keys> keys_;
};

}  // namespace groat::rpc::testing

#endif  // GROAT_RPC_TESTING_CERTIFICATES_H_
