// Who is to blame when the sum of many shares does not verify: bisection.
//
// A share is a key's signature on the one message; the sum of a range of shares verifies if the sum
// of its signatures is right for the sum of its keys. The two halves of a range add up to it, so
// only the left half's sums are computed and the right half's are the difference; and where the
// whole is bad and the left half is good, the right half is bad without a check.
//
// Errors of several shares can cancel within a range. Such a range verifies, and rightly so: its
// sum is as good as one of honest shares.
//
// Pure; what it costs is in the two functions that the caller gives.
#ifndef GROAT_BLS_BULK_BAD_SHARES_H_
#define GROAT_BLS_BULK_BAD_SHARES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "bls/curve/curves.h"

namespace groat::bls {

// Shares `begin` to `end - 1`.
struct ShareRange {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
  friend bool operator==(const ShareRange&, const ShareRange&) = default;
};

// The sums of a range of shares.
struct RangeSum {
  G1 keys;
  G2 signature;
};

struct BadShares {
  // Shares that do not verify by themselves, ascending.
  std::vector<size_t> bad;
  // Ranges, ascending, that hold bad shares, at least one each, and for which the checks did not
  // suffice. No shares outside `bad` and these ranges spoil the sum.
  std::vector<ShareRange> suspects;
  // How often `verify` was called.
  size_t checks = 0;
};

// The sums of a range; it is called for left halves alone, which are at most half of the shares.
using SumRange = std::function<RangeSum(const ShareRange&)>;
// Whether the signature is in the subgroup and right for the keys.
using VerifySum = std::function<bool(const RangeSum&)>;

// Finds the bad shares among `count`, given that `whole`, the sum of all of them, does not verify.
// The larger of the suspect ranges are split first. At most `max_checks` calls of `verify`; one bad
// share among n takes at most 2 log2(n), rounded up.
BadShares FindBadShares(size_t count, const RangeSum& whole, const SumRange& sum,
                        const VerifySum& verify, size_t max_checks);

}  // namespace groat::bls

#endif  // GROAT_BLS_BULK_BAD_SHARES_H_
