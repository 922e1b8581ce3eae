// Measures the cumulative trie on one core: inserts with the root included, memory a key, proofs
// and their verification, now and in old cycles, beside the raw rates of the hashes that bound it.
//
// trie_benchmark [keys] [keys a cycle] [keys a slice]; results in loadtest/results/trie.md.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "merkle/leaf_batch.h"
#include "merkle/trie.h"

namespace groat::merkle {
namespace {

// Processor time of this thread, so that other work on the machine counts less.
double Seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

class Keys {
 public:
  Bytes32 Next() {
    Bytes32 out;
    for (size_t i = 0; i < 32; i += 8) StoreBigEndian(random_(), out.data() + i, 8);
    return out;
  }
  size_t Below(size_t bound) { return static_cast<size_t>(random_() % bound); }

 private:
  std::mt19937_64 random_{1};
};

// Calls `work` `count` times and prints the rate.
void Rate(const std::string& name, size_t count, const std::function<void(size_t)>& work) {
  const double start = Seconds();
  for (size_t i = 0; i < count; ++i) work(i);
  const double each = (Seconds() - start) / static_cast<double>(count);
  std::printf("  %-44s %10.0f/s  %8.2f us\n", name.c_str(), 1 / each, each * 1e6);
}

void MeasureHashes() {
  std::vector<Bytes64> blocks(4096);
  std::vector<LeafBytes> leaves(4096);
  std::vector<const uint8_t*> inputs;
  for (const Bytes64& block : blocks) inputs.push_back(block.data());
  std::vector<Hash> out(4096);
  std::printf("hashes\n");
  const auto report = [](const char* name, double seconds, double count) {
    std::printf("  %-44s %10.0f/s  %8.2f ns\n", name, count / seconds, seconds / count * 1e9);
  };
  constexpr int kRounds = 500;
  double start = Seconds();
  for (int i = 0; i < kRounds; ++i) {
    TrieNodeContext().HashBlocks(inputs.data(), inputs.size(), out[0].data());
  }
  report("nodes in bulk (HashBlocks)", Seconds() - start, kRounds * 4096.0);
  start = Seconds();
  for (int i = 0; i < kRounds; ++i) TrieLeafHashes(leaves, out.data());
  report("leaves in bulk (TrieLeafHashes)", Seconds() - start, kRounds * 4096.0);
  start = Seconds();
  for (size_t i = 0; i < 200000; ++i) out[0] = TrieNodeHash(out[0], out[1]);
  report("nodes one by one", Seconds() - start, 200000.0);
  start = Seconds();
  for (size_t i = 0; i < 200000; ++i) out[0] = TrieLeafContext()(leaves[i % 4096]);
  report("leaves one by one", Seconds() - start, 200000.0);
}

struct Plan {
  size_t keys;
  size_t cycle_keys;
  size_t slice_keys;
};

// Fills `trie` and returns one key of each 1,000, with its cycle.
std::vector<TrieLeaf> MeasureInserts(Trie& trie, const Plan& plan, Keys& keys) {
  std::vector<TrieLeaf> sample;
  std::vector<TrieEntry> entries(plan.cycle_keys);
  std::vector<float> slice_ms;
  std::vector<float> seal_ms;
  double total = 0;
  double last_tenth = 0;
  double reserved = 0;
  const double resident = ResidentBytes();
  const uint64_t cycles = plan.keys / plan.cycle_keys;
  for (uint64_t cycle = 1; cycle <= cycles; ++cycle) {
    for (TrieEntry& entry : entries) entry = {keys.Next(), keys.Next()};
    std::sort(entries.begin(), entries.end(),
              [](const TrieEntry& a, const TrieEntry& b) { return a.key < b.key; });
    GROAT_CHECK_OK(trie.BeginCycle(cycle));
    double spent = 0;
    for (size_t first = 0; first < entries.size(); first += plan.slice_keys) {
      const size_t count = std::min(plan.slice_keys, entries.size() - first);
      const double reserve_start = Seconds();
      trie.Reserve(count);
      const double start = Seconds();
      GROAT_CHECK_OK(trie.Add({entries.data() + first, count}));
      const double took = Seconds() - start;
      spent += took + (start - reserve_start);
      reserved += start - reserve_start;
      if (cycle > cycles - cycles / 10) slice_ms.push_back(static_cast<float>(took * 1e3));
    }
    const double start = Seconds();
    trie.Seal();
    const double took = Seconds() - start;
    spent += took;
    total += spent;
    if (cycle > cycles - cycles / 10) {
      last_tenth += spent;
      seal_ms.push_back(static_cast<float>(took * 1e3));
    }
    for (size_t i = 0; i < entries.size(); i += 1000) {
      sample.push_back({entries[i].key, entries[i].value, cycle});
    }
  }
  const double count = static_cast<double>(plan.keys);
  const double tenth = static_cast<double>(cycles / 10 * plan.cycle_keys);
  std::sort(slice_ms.begin(), slice_ms.end());
  std::sort(seal_ms.begin(), seal_ms.end());
  std::printf("  %-44s %10.0f/s  %8.2f us\n", "inserts, root included, whole run", count / total,
              total / count * 1e6);
  std::printf("  %-44s %10.0f/s  %8.2f us\n", "inserts, root included, last tenth",
              tenth / last_tenth, last_tenth / tenth * 1e6);
  std::printf("  %-44s %.2f us a key (in the rates above)\n", "memory from the system (Reserve)",
              reserved / count * 1e6);
  std::printf("  %-44s median %.2f, p99 %.2f, max %.2f ms\n", "Add of a slice, last tenth",
              slice_ms[slice_ms.size() / 2], slice_ms[slice_ms.size() * 99 / 100], slice_ms.back());
  std::printf("  %-44s median %.2f, max %.2f ms\n", "Seal, last tenth", seal_ms[seal_ms.size() / 2],
              seal_ms.back());
  std::printf("  %-44s %.1f bytes (by its own count %.1f)\n", "resident memory a key",
              (ResidentBytes() - resident) / count,
              static_cast<double>(trie.memory_bytes()) / count);
  return sample;
}

void MeasureProofs(const Trie& trie, const std::vector<TrieLeaf>& sample, Keys& keys) {
  const uint64_t last = trie.LastSealed();
  const auto pick = [&](uint64_t from, uint64_t to) {
    while (true) {
      const TrieLeaf& leaf = sample[keys.Below(sample.size())];
      if (leaf.cycle >= from && leaf.cycle <= to) return leaf.key;
    }
  };
  const auto inclusion = [&](const char* name, uint64_t cycle, size_t count) {
    std::vector<Bytes32> asked;
    for (size_t i = 0; i < count; ++i) asked.push_back(pick(1, cycle));
    Rate(name, count,
         [&](size_t i) { GROAT_CHECK_OK(trie.ProveInclusion(asked[i], cycle).status()); });
  };
  const auto null = [&](const char* name, uint64_t cycle, size_t count) {
    std::vector<Bytes32> asked;
    for (size_t i = 0; i < count; ++i)
      asked.push_back(cycle == last ? keys.Next() : pick(cycle + 1, last));
    Rate(name, count, [&](size_t i) { GROAT_CHECK_OK(trie.ProveNull(asked[i], cycle).status()); });
  };
  inclusion("inclusion proofs, last cycle", last, 100000);
  inclusion("inclusion proofs, cycle before", last - 1, 20000);
  inclusion("inclusion proofs, half way", last / 2, 5000);
  inclusion("inclusion proofs, cycle 1", 1, 5000);
  null("null proofs, last cycle", last, 100000);
  null("null proofs, cycle before (what a PoP has)", last - 1, 20000);
  null("null proofs, half way", last / 2, 5000);

  std::vector<InclusionProof> proofs;
  std::vector<Bytes> encoded;
  for (size_t i = 0; i < 10000; ++i) {
    proofs.push_back(*trie.ProveInclusion(pick(1, last), last));
    encoded.push_back(proofs.back().Encode());
  }
  const Hash root = trie.At(last)->root;
  Rate("verify inclusion proof", proofs.size(),
       [&](size_t i) { GROAT_CHECK_OK(Verify(proofs[i], root)); });
  Rate("decode and verify inclusion proof", proofs.size(),
       [&](size_t i) { GROAT_CHECK_OK(Verify(*InclusionProof::Decode(encoded[i]), root)); });
  size_t bytes = 0;
  for (const Bytes& one : encoded) bytes += one.size();
  std::printf("  %-44s %.0f bytes\n", "inclusion proof, mean",
              static_cast<double>(bytes) / static_cast<double>(encoded.size()));
}

void MeasureGrowth(const Trie& trie, uint64_t cycle) {
  const TrieSummary before = *trie.At(cycle - 1);
  const TrieSummary after = *trie.At(cycle);
  const double count = static_cast<double>(after.new_leaf_count);
  GrowthCursor cursor = *trie.ProveGrowth(cycle);
  std::vector<Bytes> chunks;
  double start = Seconds();
  double longest = 0;
  double bytes = 0;
  while (!cursor.done()) {
    const double chunk_start = Seconds();
    chunks.push_back(trie.NextGrowthChunk(cursor, 256 << 10));
    longest = std::max(longest, Seconds() - chunk_start);
    bytes += static_cast<double>(chunks.back().size());
  }
  const double proved = Seconds() - start;
  start = Seconds();
  GrowthVerifier verifier(
      {cycle, before.root, after.root, before.leaf_count, after.new_leaf_count});
  for (const Bytes& chunk : chunks) GROAT_CHECK_OK(verifier.Feed(chunk));
  GROAT_CHECK_OK(verifier.Finish());
  const double verified = Seconds() - start;
  std::printf("  growth proof of cycle %-22llu %10.0f leaves/s made (longest chunk %.2f ms)\n",
              static_cast<unsigned long long>(cycle), count / proved, longest * 1e3);
  std::printf("  %-44s %10.0f leaves/s verified; %.0f bytes a leaf\n", "", count / verified,
              bytes / count);
}

int Main(int argc, char** argv) {
  const auto argument = [&](int i, size_t otherwise) {
    return argc > i ? static_cast<size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
  };
  const Plan plan = {argument(1, 10'000'000), argument(2, 100'000), argument(3, 2'000)};
  if (plan.slice_keys == 0 || plan.cycle_keys == 0 || plan.keys < 10 * plan.cycle_keys) {
    std::fprintf(stderr, "want at least 10 cycles and slices of at least 1 key\n");
    return 2;
  }
  MeasureHashes();
  std::printf("trie of %zu keys, %zu a cycle, slices of %zu\n", plan.keys, plan.cycle_keys,
              plan.slice_keys);
  Keys keys;
  Trie trie;
  const std::vector<TrieLeaf> sample = MeasureInserts(trie, plan, keys);
  MeasureProofs(trie, sample, keys);
  MeasureGrowth(trie, trie.LastSealed());
  MeasureGrowth(trie, trie.LastSealed() / 2);
  MeasureGrowth(trie, 1);
  return 0;
}

}  // namespace
}  // namespace groat::merkle

int main(int argc, char** argv) { return groat::merkle::Main(argc, argv); }
