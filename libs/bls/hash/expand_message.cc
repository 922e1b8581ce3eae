#include "bls/hash/expand_message.h"

#include <algorithm>

#include "base/check.h"
#include "crypto/sha256.h"

namespace groat::bls {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kBlockBytes = 64;
constexpr size_t kMaxTagBytes = 255;

}  // namespace

void ExpandMessageXmd(ByteView message, ByteView domain_tag, std::span<uint8_t> out) {
  GROAT_CHECK(!domain_tag.empty());
  GROAT_CHECK_LE(out.size(), kMaxExpandedBytes);
  Bytes32 hashed_tag;
  if (domain_tag.size() > kMaxTagBytes) {
    hashed_tag = Sha256({AsBytes("H2C-OVERSIZE-DST-"), domain_tag});
    domain_tag = hashed_tag;
  }
  const uint8_t tag_size = static_cast<uint8_t>(domain_tag.size());
  const ByteView tag_end(&tag_size, 1);
  constexpr uint8_t kZeroBlock[kBlockBytes] = {};
  uint8_t size_and_zero[3] = {};
  StoreBigEndian(out.size(), size_and_zero, 2);

  const Bytes32 first = Sha256({kZeroBlock, message, size_and_zero, domain_tag, tag_end});
  Bytes32 block;  // b_0 xor b_(i-1); b_1 is made from b_0 alone.
  uint8_t counter = 0;
  for (size_t done = 0; done < out.size(); done += kDigestBytes) {
    ++counter;
    for (size_t i = 0; i < kDigestBytes; ++i) block[i] ^= first[i];
    block = Sha256({block, ByteView(&counter, 1), domain_tag, tag_end});
    std::copy_n(block.begin(), std::min(kDigestBytes, out.size() - done), out.data() + done);
  }
}

}  // namespace groat::bls
