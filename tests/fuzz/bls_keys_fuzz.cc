// Key texts and quorum certificates: whatever decodes must encode to the same bytes.
#include "base/check.h"
#include "bls/key_file.h"
#include "bls/quorum_certificate.h"

namespace groat::bls {
namespace {

// The first two bytes say how many members there are.
void TryCertificate(ByteView bytes) {
  if (bytes.size() < 2) return;
  const size_t members = LoadBigEndian(bytes.data(), 2);
  const ByteView encoded = bytes.subspan(2);
  const auto certificate = QuorumCertificate::Decode(encoded, members);
  if (!certificate.ok()) return;
  GROAT_CHECK(certificate->Encode() == Bytes(encoded.begin(), encoded.end()));
  GROAT_CHECK_EQ(certificate->signers.ToList().size(), certificate->signers.count());
}

void TryTexts(ByteView bytes) {
  const std::string_view text = AsText(bytes);
  const auto secret = SecretKeyFromText(text);
  if (secret.ok()) GROAT_CHECK(SecretKeyToText(*secret).view() == text);
  const auto registration = RegistrationFromText(text);
  if (registration.ok()) GROAT_CHECK(RegistrationToText(*registration) == text);
}

}  // namespace
}  // namespace groat::bls

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const groat::ByteView bytes(data, size);
  groat::bls::TryCertificate(bytes);
  groat::bls::TryTexts(bytes);
  return 0;
}
