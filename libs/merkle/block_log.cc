#include "merkle/block_log.h"

#include <bit>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"

namespace groat::merkle {
namespace {

// No path is longer: one hash a level, and one for the node that the old log ends in.
constexpr size_t kMaxPath = 65;

absl::Status Invalid(const std::string& what) {
  return absl::InvalidArgumentError("log proof: " + what);
}

// Proofs are written for any leaf range [begin, end) with `begin` a multiple of the largest power
// of two below its length, as RFC 9162 splits them.
uint64_t SplitPoint(uint64_t count) { return std::bit_floor(count - 1); }

absl::StatusOr<LogHash> RangeRoot(uint64_t begin, uint64_t end, const LogNodes& nodes) {
  const uint64_t count = end - begin;
  if (std::has_single_bit(count)) {
    const auto level = static_cast<uint32_t>(std::countr_zero(count));
    return nodes.Read(level, begin >> level);
  }
  const uint64_t split = begin + SplitPoint(count);
  GROAT_ASSIGN_OR_RETURN(const LogHash left, RangeRoot(begin, split, nodes));
  GROAT_ASSIGN_OR_RETURN(const LogHash right, RangeRoot(split, end, nodes));
  return LogNodeHash(left, right);
}

Bytes EncodeProof(uint64_t first, uint64_t second, const std::vector<LogHash>& path) {
  ByteWriter writer;
  writer.U64(first).U64(second);
  for (const LogHash& hash : path) writer.Raw(hash);
  return writer.Take();
}

absl::Status DecodeProof(ByteView bytes, uint64_t& first, uint64_t& second,
                         std::vector<LogHash>& path) {
  ByteReader reader(bytes);
  first = reader.U64();
  second = reader.U64();
  if (reader.failed()) return reader.Finish("log proof");
  if (reader.remaining() > kMaxPath * LogHash::kSize) {
    return Invalid(std::to_string(bytes.size()) + " bytes");
  }
  while (reader.remaining() >= LogHash::kSize) path.push_back(reader.Fixed<32>());
  return reader.Finish("log proof");
}

absl::Status CheckLength(size_t length, size_t want) {
  if (length == want) return absl::OkStatus();
  return Invalid(std::to_string(length) + " hashes, want " + std::to_string(want));
}

absl::Status CheckShape(const LogInclusionProof& proof) {
  if (proof.index >= proof.size) {
    return Invalid("index " + std::to_string(proof.index) + " of " + std::to_string(proof.size));
  }
  size_t want = 0;
  uint64_t last = proof.size - 1;
  for (uint64_t at = proof.index; last > 0; at /= 2, last /= 2) {
    if (at % 2 == 1 || at < last) ++want;
  }
  return CheckLength(proof.path.size(), want);
}

absl::Status CheckShape(const LogConsistencyProof& proof) {
  if (proof.old_size > proof.new_size) {
    return Invalid("old size " + std::to_string(proof.old_size) + " above new size " +
                   std::to_string(proof.new_size));
  }
  if (proof.old_size == 0 || proof.old_size == proof.new_size) {
    return CheckLength(proof.path.size(), 0);
  }
  uint64_t at = proof.old_size - 1;
  uint64_t last = proof.new_size - 1;
  for (; at % 2 == 1; at /= 2, last /= 2) {
  }
  // The node that the old log ends in is left out of the path if it is the whole old log.
  size_t want = std::has_single_bit(proof.old_size) ? 0 : 1;
  for (; last > 0; at /= 2, last /= 2) {
    if (at % 2 == 1 || at < last) ++want;
  }
  return CheckLength(proof.path.size(), want);
}

}  // namespace

absl::StatusOr<LogHash> MemoryLogNodes::Read(uint32_t level, uint64_t index) const {
  if (level < levels_.size() && index < levels_[level].size()) return levels_[level][index];
  return absl::NotFoundError("log node " + std::to_string(index) + " of level " +
                             std::to_string(level));
}

void MemoryLogNodes::Store(const std::vector<LogNode>& nodes) {
  for (const LogNode& node : nodes) {
    if (levels_.size() <= node.level) levels_.resize(node.level + 1);
    std::vector<LogHash>& level = levels_[node.level];
    GROAT_CHECK_EQ(level.size(), node.index) << "level " << node.level;
    level.push_back(node.hash);
  }
}

Bytes LogInclusionProof::Encode() const {
  GROAT_CHECK_OK(CheckShape(*this));
  return EncodeProof(index, size, path);
}

absl::StatusOr<LogInclusionProof> LogInclusionProof::Decode(ByteView bytes) {
  LogInclusionProof proof;
  GROAT_RETURN_IF_ERROR(DecodeProof(bytes, proof.index, proof.size, proof.path));
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  return proof;
}

Bytes LogConsistencyProof::Encode() const {
  GROAT_CHECK_OK(CheckShape(*this));
  return EncodeProof(old_size, new_size, path);
}

absl::StatusOr<LogConsistencyProof> LogConsistencyProof::Decode(ByteView bytes) {
  LogConsistencyProof proof;
  GROAT_RETURN_IF_ERROR(DecodeProof(bytes, proof.old_size, proof.new_size, proof.path));
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  return proof;
}

LogHash LogLeafHash(const Bytes32& block_id) {
  const uint8_t prefix[1] = {0x00};
  return Sha256({ByteView(prefix), block_id});
}

LogHash LogNodeHash(const LogHash& left, const LogHash& right) {
  const uint8_t prefix[1] = {0x01};
  return Sha256({ByteView(prefix), left, right});
}

LogHash EmptyLogRoot() { return Sha256(ByteView()); }

absl::StatusOr<BlockLog> BlockLog::Open(uint64_t size, const LogNodes& nodes) {
  BlockLog log;
  log.size_ = size;
  uint64_t begin = 0;
  for (int level = 63; level >= 0; --level) {
    if ((size >> level & 1) == 0) continue;
    GROAT_ASSIGN_OR_RETURN(const LogHash peak,
                           nodes.Read(static_cast<uint32_t>(level), begin >> level));
    log.peaks_.push_back(peak);
    begin += uint64_t{1} << level;
  }
  return log;
}

LogHash BlockLog::Root() const {
  if (peaks_.empty()) return EmptyLogRoot();
  LogHash root = peaks_.back();
  for (size_t i = peaks_.size() - 1; i > 0; --i) root = LogNodeHash(peaks_[i - 1], root);
  return root;
}

std::vector<LogNode> BlockLog::Append(const Bytes32& block_id) {
  std::vector<LogNode> nodes = {{0, size_, LogLeafHash(block_id)}};
  // A carry in binary: each set bit from the lowest is a peak of that size to join with.
  for (uint64_t rest = size_; rest % 2 == 1; rest /= 2) {
    const LogNode& below = nodes.back();
    const LogNode node = {below.level + 1, below.index / 2, LogNodeHash(peaks_.back(), below.hash)};
    peaks_.pop_back();
    nodes.push_back(node);
  }
  peaks_.push_back(nodes.back().hash);
  ++size_;
  return nodes;
}

absl::StatusOr<LogHash> LogRoot(uint64_t size, const LogNodes& nodes) {
  if (size == 0) return EmptyLogRoot();
  return RangeRoot(0, size, nodes);
}

absl::StatusOr<LogInclusionProof> ProveLogInclusion(uint64_t index, uint64_t size,
                                                    const LogNodes& nodes) {
  if (index >= size) {
    return absl::OutOfRangeError("index " + std::to_string(index) + " in a log of " +
                                 std::to_string(size));
  }
  LogInclusionProof proof{index, size, {}};
  uint64_t begin = 0;
  uint64_t end = size;
  while (end - begin > 1) {
    const uint64_t split = begin + SplitPoint(end - begin);
    const bool right = index >= split;
    GROAT_ASSIGN_OR_RETURN(const LogHash sibling,
                           right ? RangeRoot(begin, split, nodes) : RangeRoot(split, end, nodes));
    proof.path.insert(proof.path.begin(), sibling);
    (right ? begin : end) = split;
  }
  return proof;
}

absl::StatusOr<LogConsistencyProof> ProveLogConsistency(uint64_t old_size, uint64_t new_size,
                                                        const LogNodes& nodes) {
  if (old_size > new_size) {
    return absl::OutOfRangeError("old size " + std::to_string(old_size) + " above new size " +
                                 std::to_string(new_size));
  }
  LogConsistencyProof proof{old_size, new_size, {}};
  if (old_size == 0 || old_size == new_size) return proof;
  uint64_t begin = 0;
  uint64_t end = new_size;
  // Down to the complete subtree in which the old log ends: its end is old_size.
  while (end != old_size) {
    const uint64_t split = begin + SplitPoint(end - begin);
    const bool right = old_size > split;
    GROAT_ASSIGN_OR_RETURN(const LogHash sibling,
                           right ? RangeRoot(begin, split, nodes) : RangeRoot(split, end, nodes));
    proof.path.insert(proof.path.begin(), sibling);
    (right ? begin : end) = split;
  }
  if (begin != 0) {
    GROAT_ASSIGN_OR_RETURN(const LogHash last, RangeRoot(begin, end, nodes));
    proof.path.insert(proof.path.begin(), last);
  }
  return proof;
}

// RFC 9162, section 2.1.3.2.
absl::Status Verify(const LogInclusionProof& proof, const Bytes32& block_id, const LogHash& root) {
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  uint64_t at = proof.index;
  uint64_t last = proof.size - 1;
  LogHash hash = LogLeafHash(block_id);
  for (const LogHash& sibling : proof.path) {
    if (at % 2 == 1 || at == last) {
      hash = LogNodeHash(sibling, hash);
      // Levels at which the last node moves up unchanged.
      for (; at % 2 == 0 && at != 0; at /= 2, last /= 2) {
      }
    } else {
      hash = LogNodeHash(hash, sibling);
    }
    at /= 2;
    last /= 2;
  }
  if (hash != root) return Invalid("root " + hash.Hex() + ", want " + root.Hex());
  return absl::OkStatus();
}

// RFC 9162, section 2.1.4.2.
absl::Status Verify(const LogConsistencyProof& proof, const LogHash& old_root,
                    const LogHash& new_root) {
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  if (proof.old_size == 0) {
    // Every log starts with the empty one.
    if (old_root != EmptyLogRoot()) return Invalid("old root " + old_root.Hex() + " of no blocks");
    if (proof.new_size == 0 && new_root != old_root) {
      return Invalid("new root " + new_root.Hex() + " of no blocks");
    }
    return absl::OkStatus();
  }
  if (proof.old_size == proof.new_size) {
    if (old_root == new_root) return absl::OkStatus();
    return Invalid("roots " + old_root.Hex() + " and " + new_root.Hex() + " of one size");
  }
  uint64_t at = proof.old_size - 1;
  uint64_t last = proof.new_size - 1;
  for (; at % 2 == 1; at /= 2, last /= 2) {
  }
  auto next = proof.path.begin();
  LogHash old_hash = std::has_single_bit(proof.old_size) ? old_root : *next++;
  LogHash new_hash = old_hash;
  for (; next != proof.path.end(); ++next) {
    if (at % 2 == 1 || at == last) {
      old_hash = LogNodeHash(*next, old_hash);
      new_hash = LogNodeHash(*next, new_hash);
      for (; at % 2 == 0 && at != 0; at /= 2, last /= 2) {
      }
    } else {
      new_hash = LogNodeHash(new_hash, *next);
    }
    at /= 2;
    last /= 2;
  }
  if (old_hash != old_root) {
    return Invalid("old root " + old_hash.Hex() + ", want " + old_root.Hex());
  }
  if (new_hash != new_root) {
    return Invalid("new root " + new_hash.Hex() + ", want " + new_root.Hex());
  }
  return absl::OkStatus();
}

}  // namespace groat::merkle
