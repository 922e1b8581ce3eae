#include "p2p/live/peer_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "crypto/certificate_key.h"

namespace groat::p2p {
namespace {

using ::groat::testing::StatusIs;
using ::testing::HasSubstr;

constexpr int64_t kNow = 1'800'000'000;
constexpr CertificateValidity kValidity = {kNow - 100, kNow + 100};

Ed25519PrivateKey Key() {
  Bytes32 seed;
  seed[0] = 7;
  return Ed25519PrivateKey(seed);
}

TEST(PeerCertificateTest, CarriesTheKey) {
  GROAT_ASSERT_OK_AND_ASSIGN(const std::string pem, MakePeerCertificate(Key(), kValidity));
  GROAT_ASSERT_OK_AND_ASSIGN(const PeerId id, ReadPeerCertificate(pem, kNow));
  EXPECT_EQ(id, Key().public_key());
  // Both ends of the validity belong to it.
  GROAT_EXPECT_OK(ReadPeerCertificate(pem, kNow - 100).status());
  GROAT_EXPECT_OK(ReadPeerCertificate(pem, kNow + 100).status());
}

TEST(PeerCertificateTest, OutsideItsTimeItIsWorthNothing) {
  GROAT_ASSERT_OK_AND_ASSIGN(const std::string pem, MakePeerCertificate(Key(), kValidity));
  for (const int64_t now : {kNow - 101, kNow + 101}) {
    EXPECT_THAT(ReadPeerCertificate(pem, now).status(),
                StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr(std::to_string(now))));
  }
}

TEST(PeerCertificateTest, AnotherKindOfKeyIsNoPeer) {
  GROAT_ASSERT_OK_AND_ASSIGN(
      const CertificateAuthority p256,
      CertificateAuthority::Create("p256", CertificateKey::Generate(), kValidity));
  EXPECT_THAT(ReadPeerCertificate(p256.certificate_pem(), kNow).status(),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("not an Ed25519 key")));
}

TEST(PeerCertificateTest, GarbageIsRefused) {
  GROAT_ASSERT_OK_AND_ASSIGN(const std::string pem, MakePeerCertificate(Key(), kValidity));
  EXPECT_THAT(ReadPeerCertificate("", kNow).status(),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("certificate")));
  EXPECT_THAT(ReadPeerCertificate("-----BEGIN CERTIFICATE-----\nAAAA\n", kNow).status(),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("certificate")));
  EXPECT_THAT(ReadPeerCertificate(pem + std::string(kMaxCertificateBytes, ' '), kNow).status(),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("at most 8192")));
  for (size_t cut = 30; cut + 30 < pem.size(); cut += 17) {
    EXPECT_FALSE(ReadPeerCertificate(pem.substr(0, cut), kNow).ok()) << cut;
  }
}

TEST(PeerCertificateTest, AnEmptyValidityIsRefused) {
  EXPECT_THAT(MakePeerCertificate(Key(), {kNow, kNow - 1}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::_));
}

}  // namespace
}  // namespace groat::p2p
