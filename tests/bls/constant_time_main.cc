// What is done with secret keys, for valgrind's memcheck: it reports each branch and each index
// that a secret decides. Run by scripts/constant_time in a build with GROAT_CHECK_SECRETS.
//
// Usage: valgrind bls_constant_time OPERATION; `leak` branches by a secret and must be reported.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "base/check.h"
#include "bls/blind_signature.h"
#include "bls/field/cpu.h"
#include "bls/field/secrecy.h"
#include "bls/proof_of_possession.h"
#include "bls/secret_key.h"
#include "bls/signature.h"

namespace groat::bls {
namespace {

const Bytes kMaterial(32, 7);
const Bytes kMessage(100, 9);

Bytes32 Scalar(uint8_t fill) {
  Bytes32 out;
  std::fill_n(out.data(), out.size(), fill);
  return out;
}

// A key of secret bytes.
SecretKey Key() {
  Bytes32 bytes = Scalar(0x5a);
  MarkSecret(bytes.data(), bytes.size());
  absl::StatusOr<SecretKey> key = SecretKey::Decode(bytes);
  GROAT_CHECK_OK(key.status());
  return *std::move(key);
}

BlindingFactor Factor() {
  Bytes32 bytes = Scalar(0x33);
  MarkSecret(bytes.data(), bytes.size());
  absl::StatusOr<BlindingFactor> factor = BlindingFactor::Decode(bytes);
  GROAT_CHECK_OK(factor.status());
  return *std::move(factor);
}

void KeyGen() {
  Bytes material = kMaterial;
  MarkSecret(material.data(), material.size());
  const absl::StatusOr<SecretKey> key = SecretKey::KeyGen(material);
  GROAT_CHECK_OK(key.status());
}

void Encode() {
  Bytes32 out;
  Key().EncodeTo(std::span<uint8_t, 32>(out.data(), 32));
}

void BlindAndUnblind() {
  const SecretKey key = Key();
  const BlindingFactor factor = Factor();
  const BlindedMessage blinded = BlindedMessage::Blind(kMessage, factor);
  const BlindSignature answer = BlindSignature::Sign(key, blinded);
  GROAT_CHECK_OK(Unblind(answer, factor, key.public_key(), kMessage).status());
}

// By the path that the optimiser cannot turn into a conditional move.
void Leak() {
  Bytes32 bytes = Scalar(1);
  MarkSecret(bytes.data(), bytes.size());
  if (bytes[0] == 1) std::puts("leak");
}

int Run(const std::string& name) {
  const std::map<std::string, std::function<void()>> operations = {
      {"keygen", KeyGen},
      {"encode", Encode},
      {"public_key", [] { static_cast<void>(Key().public_key()); }},
      {"sign", [] { static_cast<void>(Sign(Key(), kMessage)); }},
      {"pop_prove", [] { static_cast<void>(PopProve(Key())); }},
      {"blind", BlindAndUnblind},
      {"leak", Leak},
  };
  const auto found = operations.find(name);
  if (found == operations.end()) {
    std::fprintf(stderr, "operation `%s`, want one of:", name.c_str());
    for (const auto& [known, run] : operations) std::fprintf(stderr, " %s", known.c_str());
    std::fprintf(stderr, "\n");
    return 64;
  }
  for (const CpuLevel level : {CpuLevel::kPortable, CpuLevel::kMulx, CpuLevel::kIfma}) {
    LimitCpuForTest(level);
    if (UsedCpuLevel() == level) found->second();
  }
  return 0;
}

}  // namespace
}  // namespace groat::bls

int main(int argc, char** argv) { return groat::bls::Run(argc == 2 ? argv[1] : ""); }
