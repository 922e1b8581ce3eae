// The signature scheme's operations, one thread.
#include <benchmark/benchmark.h>

#include <numeric>
#include <vector>

#include "base/check.h"
#include "bls/aggregate.h"
#include "bls/batch_verify.h"
#include "bls/blind_signature.h"
#include "bls/bulk/packed_keys.h"
#include "bls/bulk/testing/points.h"
#include "bls/field/cpu.h"
#include "bls/hash/hash_to_g2.h"
#include "bls/hashed_message.h"
#include "bls/quorum_builder.h"
#include "bls/testing/test_keys.h"

namespace groat::bls {
namespace {

using testing::TestKey;

constexpr std::string_view kMessage = "a message of thirty-two bytes   ";

KeyDirectory Directory(size_t members) {
  std::vector<PublicKey> keys;
  for (size_t i = 0; i < members; ++i) keys.push_back(TestKey(i).public_key());
  return *KeyDirectory::FromProvenKeys(std::move(keys));
}

void BM_KeyGen(benchmark::State& state) {
  const Bytes material(32, 1);
  for (auto _ : state) benchmark::DoNotOptimize(SecretKey::KeyGen(material));
}
BENCHMARK(BM_KeyGen)->Unit(benchmark::kMicrosecond);

void BM_PublicKey(benchmark::State& state) {
  const SecretKey key = TestKey(1);
  for (auto _ : state) benchmark::DoNotOptimize(key.public_key());
}
BENCHMARK(BM_PublicKey)->Unit(benchmark::kMicrosecond);

void BM_HashToG2(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(HashedMessage(AsBytes(kMessage)));
}
BENCHMARK(BM_HashToG2)->Unit(benchmark::kMicrosecond);

void BM_Sign(benchmark::State& state) {
  const SecretKey key = TestKey(1);
  for (auto _ : state) benchmark::DoNotOptimize(Sign(key, AsBytes(kMessage)));
}
BENCHMARK(BM_Sign)->Unit(benchmark::kMicrosecond);

// Without AVX-512.
void BM_SignScalar(benchmark::State& state) {
  LimitCpuForTest(CpuLevel::kMulx);
  BM_Sign(state);
  LimitCpuForTest(CpuLevel::kIfma);
}
BENCHMARK(BM_SignScalar)->Unit(benchmark::kMicrosecond);

void BM_Verify(benchmark::State& state) {
  const SecretKey key = TestKey(1);
  const PublicKey public_key = key.public_key();
  const Signature signature = Sign(key, AsBytes(kMessage));
  for (auto _ : state) benchmark::DoNotOptimize(Verify(public_key, AsBytes(kMessage), signature));
}
BENCHMARK(BM_Verify)->Unit(benchmark::kMicrosecond);

void BM_DecodePublicKey(benchmark::State& state) {
  const auto encoded = TestKey(1).public_key().Encode();
  for (auto _ : state) benchmark::DoNotOptimize(PublicKey::Decode(encoded));
}
BENCHMARK(BM_DecodePublicKey)->Unit(benchmark::kMicrosecond);

void BM_DecodeSignature(benchmark::State& state) {
  const auto encoded = Sign(TestKey(1), AsBytes(kMessage)).Encode();
  for (auto _ : state) benchmark::DoNotOptimize(Signature::Decode(encoded));
}
BENCHMARK(BM_DecodeSignature)->Unit(benchmark::kMicrosecond);

void BM_VerifyQuorum(benchmark::State& state) {
  const size_t members = static_cast<size_t>(state.range(0));
  const size_t threshold = 2 * members / 3 + 1;
  const KeyDirectory directory = Directory(members);
  QuorumBuilder builder(directory, threshold, AsBytes(kMessage));
  for (size_t i = 0; i < threshold; ++i) builder.Add(i, Sign(TestKey(i), AsBytes(kMessage)));
  const QuorumCertificate certificate = *builder.TryBuild().certificate;
  for (auto _ : state) {
    benchmark::DoNotOptimize(VerifyQuorum(certificate, directory, threshold, AsBytes(kMessage)));
  }
}
BENCHMARK(BM_VerifyQuorum)->Arg(4)->Arg(100)->Unit(benchmark::kMicrosecond);

// Without AVX-512.
void BM_VerifyQuorumScalar(benchmark::State& state) {
  LimitCpuForTest(CpuLevel::kMulx);
  BM_VerifyQuorum(state);
  LimitCpuForTest(CpuLevel::kIfma);
}
BENCHMARK(BM_VerifyQuorumScalar)->Arg(100)->Unit(benchmark::kMicrosecond);

// Every key is added, although a bitmap of nearly all would be quicker (PackedKeys::SumSelected).
void BM_FastAggregateVerify(benchmark::State& state) {
  const auto count = static_cast<uint64_t>(state.range(0));
  PackedKeys keys;
  // The secret keys are 1, 2, ..., so the sum of the signatures is that of their sum.
  for (const G1Affine& key : testing::Multiples<G1Curve>(count)) GROAT_CHECK_OK(keys.Append(key));
  Bytes secret(24, 0);
  const Bytes sum = ByteWriter().U64(count * (count + 1) / 2).Take();
  secret.insert(secret.end(), sum.begin(), sum.end());
  const Signature signature = Sign(*SecretKey::Decode(secret), AsBytes(kMessage));
  std::vector<uint32_t> indexes(count);
  std::iota(indexes.begin(), indexes.end(), 0);
  Workspace workspace;
  for (auto _ : state) {
    const PublicKeySum key(G1::FromAffine(*keys.Sum(indexes, workspace)));
    GROAT_CHECK(FastAggregateVerify(key, AsBytes(kMessage), signature));
  }
}
BENCHMARK(BM_FastAggregateVerify)->Arg(100)->Arg(65536)->Unit(benchmark::kMicrosecond);

void BM_BatchVerify(benchmark::State& state) {
  const size_t count = static_cast<size_t>(state.range(0));
  std::vector<Bytes> messages;
  std::vector<SignedMessage> items;
  for (size_t i = 0; i < count; ++i) messages.push_back(ByteWriter().U64(i).Take());
  for (size_t i = 0; i < count; ++i) {
    const SecretKey key = TestKey(i);
    items.push_back({key.public_key(), messages[i], Sign(key, messages[i])});
  }
  for (auto _ : state) benchmark::DoNotOptimize(BatchVerify(items));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_BatchVerify)->Arg(1)->Arg(8)->Arg(64)->Unit(benchmark::kMicrosecond);

void BM_BlindAndUnblind(benchmark::State& state) {
  const SecretKey key = TestKey(1);
  const PublicKey public_key = key.public_key();
  const BlindingFactor factor = BlindingFactor::Generate();
  for (auto _ : state) {
    const BlindedMessage blinded = BlindedMessage::Blind(AsBytes(kMessage), factor);
    const BlindSignature answer = BlindSignature::Sign(key, blinded);
    benchmark::DoNotOptimize(Unblind(answer, factor, public_key, AsBytes(kMessage)));
  }
}
BENCHMARK(BM_BlindAndUnblind)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace groat::bls
