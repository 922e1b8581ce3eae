// Any bytes as a proof of the trie, the batch tree or the block log: decoding is strict (what
// decodes encodes to the same bytes) and verifying whatever decodes is safe.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "merkle/batch_tree.h"
#include "merkle/block_log.h"
#include "merkle/trie_proof.h"

namespace {

template <typename Proof, typename Check>
void DecodeAndVerify(groat::ByteView bytes, Check verify) {
  const absl::StatusOr<Proof> proof = Proof::Decode(bytes);
  if (!proof.ok()) return;
  const groat::Bytes again = proof->Encode();
  GROAT_CHECK(groat::ByteView(again).size() == bytes.size() &&
              std::equal(again.begin(), again.end(), bytes.begin()));
  verify(*proof);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace groat::merkle;
  const groat::ByteView bytes(data, size);
  const groat::Bytes32 zero;
  DecodeAndVerify<InclusionProof>(
      bytes, [&](const InclusionProof& proof) { GROAT_CHECK(!Verify(proof, zero).ok()); });
  DecodeAndVerify<NullProof>(bytes, [&](const NullProof& proof) {
    // In the empty trie nothing is there, and only the shortest proof says so.
    GROAT_CHECK(Verify(proof, zero).ok() == (proof.siblings.empty() && !proof.other));
  });
  DecodeAndVerify<BatchProof>(bytes, [&](const BatchProof& proof) {
    const absl::Status status = Verify(proof, zero, zero);
    GROAT_CHECK(status.ok() == proof.siblings.empty());
  });
  DecodeAndVerify<LogInclusionProof>(
      bytes, [&](const LogInclusionProof& proof) { GROAT_CHECK(!Verify(proof, zero, zero).ok()); });
  DecodeAndVerify<LogConsistencyProof>(bytes, [&](const LogConsistencyProof& proof) {
    const absl::Status status = Verify(proof, zero, zero);
    GROAT_CHECK(status.ok() == (proof.old_size == proof.new_size && proof.old_size > 0));
  });
  return 0;
}
