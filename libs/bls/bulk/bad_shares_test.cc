#include "bls/bulk/bad_shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "bls/bulk/testing/points.h"

namespace groat::bls {
namespace {

using testing::Multiples;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Shares whose signature is right if it is the same multiple of G2's generator as the key is of
// G1's: the verifier needs no pairing. Share i is (i + 1) times the generators; a bad one is off by
// `error` times G2's generator.
class BadSharesTest : public ::testing::Test {
 protected:
  explicit BadSharesTest(size_t count = 100)
      : keys_(Multiples<G1Curve>(count)), signatures_(Multiples<G2Curve>(count)) {
    for (size_t i = 0; i < count; ++i) right_.push_back(signatures_[i]);
  }
  void Spoil(size_t share, int error) {
    G2 sum = G2::FromAffine(signatures_[share]);
    for (int i = 0; i < std::abs(error); ++i) {
      sum += error > 0 ? G2Affine::Generator() : -G2Affine::Generator();
    }
    signatures_[share] = sum.ToAffine();
  }
  RangeSum Sum(const ShareRange& range) {
    summed_ += range.size();
    RangeSum out;
    for (size_t i = range.begin; i < range.end; ++i) {
      out.keys += keys_[i];
      out.signature += signatures_[i];
    }
    return out;
  }
  // Right if some multiple up to the sum of all is that of both generators.
  bool Verify(const RangeSum& sum) {
    // Both are walked together; the tests' sums are below 100 * 101 / 2.
    G1 keys;
    G2 signature;
    for (size_t i = 0; i <= keys_.size() * (keys_.size() + 1) / 2; ++i) {
      if (keys == sum.keys) return signature == sum.signature;
      keys += G1Affine::Generator();
      signature += G2Affine::Generator();
    }
    return false;
  }
  BadShares Find(size_t max_checks = 1000) {
    const RangeSum whole = Sum({0, keys_.size()});
    summed_ = 0;
    return FindBadShares(
        keys_.size(), whole, [this](const ShareRange& range) { return Sum(range); },
        [this](const RangeSum& sum) { return Verify(sum); }, max_checks);
  }

  std::vector<G1Affine> keys_;
  std::vector<G2Affine> signatures_;
  std::vector<G2Affine> right_;
  size_t summed_ = 0;
};

TEST_F(BadSharesTest, OneBadShareAnywhere) {
  for (const size_t bad : {0u, 1u, 49u, 50u, 98u, 99u}) {
    signatures_ = right_;
    Spoil(bad, 1);
    const BadShares found = Find();
    EXPECT_THAT(found.bad, ElementsAre(bad));
    EXPECT_THAT(found.suspects, IsEmpty());
    EXPECT_LE(found.checks, 14u);
    EXPECT_LE(summed_, 100u) << "left halves alone are summed";
  }
}

TEST_F(BadSharesTest, SeveralAndNeighbours) {
  for (const size_t bad : {3u, 4u, 5u, 40u, 77u}) Spoil(bad, static_cast<int>(bad));
  const BadShares found = Find();
  EXPECT_THAT(found.bad, ElementsAre(3, 4, 5, 40, 77));
  EXPECT_THAT(found.suspects, IsEmpty());
}

TEST_F(BadSharesTest, AllBad) {
  for (size_t i = 0; i < keys_.size(); ++i) Spoil(i, 2);
  EXPECT_EQ(Find().bad.size(), 100u);
}

TEST_F(BadSharesTest, ErrorsThatCancelInARangeAreNotBlamed) {
  Spoil(10, 1);
  Spoil(11, -1);
  Spoil(90, 5);
  const BadShares found = Find();
  EXPECT_THAT(found.bad, ElementsAre(90));
}

TEST_F(BadSharesTest, TheBudgetLeavesSuspects) {
  Spoil(3, 1);
  Spoil(60, 1);
  const BadShares none = Find(1);
  EXPECT_EQ(none.checks, 0u);
  EXPECT_THAT(none.bad, IsEmpty());
  EXPECT_THAT(none.suspects, ElementsAre(ShareRange{0, 100}));

  const BadShares some = Find(7);
  EXPECT_LE(some.checks, 7u);
  EXPECT_THAT(some.bad, IsEmpty());
  ASSERT_EQ(some.suspects.size(), 2u);
  EXPECT_LE(some.suspects[0].begin, 3u);
  EXPECT_GT(some.suspects[0].end, 3u);
  EXPECT_LE(some.suspects[1].begin, 60u);
  EXPECT_GT(some.suspects[1].end, 60u);
  EXPECT_LE(some.suspects[0].size() + some.suspects[1].size(), 50u);
}

TEST_F(BadSharesTest, OneShareAndNone) {
  const auto never = [](const ShareRange&) -> RangeSum {
    ADD_FAILURE();
    return {};
  };
  const auto wrong = [](const RangeSum&) {
    ADD_FAILURE();
    return false;
  };
  EXPECT_THAT(FindBadShares(1, {}, never, wrong, 10).bad, ElementsAre(0));
  const BadShares nobody = FindBadShares(0, {}, never, wrong, 10);
  EXPECT_THAT(nobody.bad, IsEmpty());
  EXPECT_THAT(nobody.suspects, IsEmpty());
}

}  // namespace
}  // namespace groat::bls
