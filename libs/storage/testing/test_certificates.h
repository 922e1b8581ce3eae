// A throwaway CA and one certificate for processes on the loopback address. Tests only.
#ifndef GROAT_STORAGE_TESTING_TEST_CERTIFICATES_H_
#define GROAT_STORAGE_TESTING_TEST_CERTIFICATES_H_

#include <string>

namespace groat::storage::testing {

// PEM texts. The certificate names 127.0.0.1 and localhost, suits servers and clients, and is valid
// for a day.
struct TestCertificates {
  std::string ca;
  std::string certificate;
  std::string key;
};

enum class CertificateKeyKind { kP256, kEd25519 };

// New keys at every call, both of this kind.
TestCertificates MakeTestCertificates(CertificateKeyKind kind = CertificateKeyKind::kP256);

}  // namespace groat::storage::testing

#endif  // GROAT_STORAGE_TESTING_TEST_CERTIFICATES_H_
