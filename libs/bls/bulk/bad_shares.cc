#include "bls/bulk/bad_shares.h"

#include <algorithm>
#include <deque>

namespace groat::bls {
namespace {

// A range whose sum does not verify.
struct Suspect {
  ShareRange range;
  RangeSum sum;
};

}  // namespace

BadShares FindBadShares(size_t count, const RangeSum& whole, const SumRange& sum,
                        const VerifySum& verify, size_t max_checks) {
  BadShares out;
  // First in, first out: ranges come in order of size.
  std::deque<Suspect> suspects;
  const auto accuse = [&](const ShareRange& range, const RangeSum& range_sum) {
    if (range.size() == 1) {
      out.bad.push_back(range.begin);
    } else {
      suspects.push_back({range, range_sum});
    }
  };
  if (count > 0) accuse({0, count}, whole);
  // A split may need both checks; it is not begun with one.
  while (!suspects.empty() && out.checks + 2 <= max_checks) {
    const Suspect suspect = std::move(suspects.front());
    suspects.pop_front();
    const size_t middle = suspect.range.begin + suspect.range.size() / 2;
    const ShareRange left = {suspect.range.begin, middle};
    const ShareRange right = {middle, suspect.range.end};
    const RangeSum left_sum = sum(left);
    const RangeSum right_sum = {suspect.sum.keys - left_sum.keys,
                                suspect.sum.signature - left_sum.signature};
    ++out.checks;
    if (verify(left_sum)) {
      accuse(right, right_sum);
      continue;
    }
    accuse(left, left_sum);
    ++out.checks;
    if (!verify(right_sum)) accuse(right, right_sum);
  }
  for (const Suspect& suspect : suspects) out.suspects.push_back(suspect.range);
  std::ranges::sort(out.bad);
  std::ranges::sort(out.suspects, {}, &ShareRange::begin);
  return out;
}

}  // namespace groat::bls
