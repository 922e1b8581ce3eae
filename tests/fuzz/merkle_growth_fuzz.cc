// Any bytes as a growth proof. The verdict does not depend on how the bytes are cut; and of a small
// trie whose growth is known, a mutated proof passes only if it is the proof itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "merkle/growth_proof.h"
#include "merkle/trie.h"

namespace {

using namespace groat;
using namespace groat::merkle;

struct Known {
  GrowthClaim claim;
  Bytes proof;
};

// Keys with few leading bits and a few last bits, so that shallow and deep forks occur.
std::vector<TrieEntry> Entries(uint8_t first, uint8_t step) {
  std::vector<TrieEntry> entries;
  for (int i = first; i < 256; i += step) {
    TrieEntry entry;
    entry.key[0] = static_cast<uint8_t>(i);
    entry.key[31] = static_cast<uint8_t>(i % 3);
    entry.value[0] = static_cast<uint8_t>(i);
    entries.push_back(entry);
  }
  return entries;
}

const Known& KnownGrowth() {
  static const Known known = [] {
    Trie trie;
    GROAT_CHECK_OK(trie.BeginCycle(1));
    GROAT_CHECK_OK(trie.Add(Entries(0, 16)));
    const TrieSummary before = trie.Seal();
    GROAT_CHECK_OK(trie.BeginCycle(2));
    GROAT_CHECK_OK(trie.Add(Entries(1, 40)));
    const TrieSummary after = trie.Seal();
    GrowthCursor cursor = *trie.ProveGrowth(2);
    return Known{{2, before.root, after.root, before.leaf_count, after.new_leaf_count},
                 trie.NextGrowthChunk(cursor, size_t{1} << 20)};
  }();
  return known;
}

absl::Status VerifyInPieces(const GrowthClaim& claim, ByteView proof, size_t piece) {
  GrowthVerifier verifier(claim);
  for (size_t i = 0; i < proof.size(); i += piece) {
    const absl::Status status = verifier.Feed(proof.subspan(i, std::min(piece, proof.size() - i)));
    if (!status.ok()) return status;
  }
  return verifier.Finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const Known& known = KnownGrowth();
  const size_t piece = 1 + data[0] % 80;
  // The known proof with a stretch of it replaced by the input.
  const size_t begin = (size_t{data[1]} << 8 | data[2]) % (known.proof.size() + 1);
  const size_t removed = std::min<size_t>(data[3], known.proof.size() - begin);
  Bytes proof(known.proof.begin(), known.proof.begin() + static_cast<ptrdiff_t>(begin));
  proof.insert(proof.end(), data + 4, data + size);
  proof.insert(proof.end(), known.proof.begin() + static_cast<ptrdiff_t>(begin + removed),
               known.proof.end());
  const absl::Status whole = VerifyGrowth(known.claim, proof);
  GROAT_CHECK(whole.ok() == (proof == known.proof)) << whole.ToString();
  GROAT_CHECK(VerifyInPieces(known.claim, proof, piece).ok() == whole.ok());

  const ByteView raw(data + 4, size - 4);
  const absl::Status free_form = VerifyGrowth(known.claim, raw);
  GROAT_CHECK(VerifyInPieces(known.claim, raw, piece).ok() == free_form.ok());
  return 0;
}
