#include "merkle/growth_proof.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "merkle/growth_items.h"
#include "merkle/hash_plan.h"
#include "merkle/sorted_subtree.h"

namespace groat::merkle {
namespace {

// Hashes planned before they are computed; enough to fill the lanes of several levels.
constexpr size_t kPlanSlots = size_t{1} << 14;

absl::Status Invalid(const std::string& what) {
  return absl::InvalidArgumentError("growth proof: " + what);
}

}  // namespace

class GrowthVerifier::Impl {
 public:
  explicit Impl(const GrowthClaim& claim) : claim_(claim), status_(CheckClaim()) {}

  absl::Status Feed(ByteView chunk) {
    if (status_.ok()) status_ = Take(chunk);
    return status_;
  }

  absl::Status Finish() {
    if (status_.ok()) status_ = CheckEnd();
    return status_;
  }

 private:
  // A subtree whose bytes have been read.
  struct Folded {
    HashPlan::Slot old_slot = HashPlan::kEmpty;
    HashPlan::Slot new_slot = HashPlan::kEmpty;
    bool grew = false;
    bool lone_leaf = false;  // It was one leaf before.
  };
  // A 0x02 item that is not complete. The stack of them is the path to where the proof stands.
  struct Frame {
    std::optional<Folded> left;
  };

  absl::Status CheckClaim() const {
    if ((claim_.old_leaf_count == 0) != claim_.old_root.IsZero()) {
      return Invalid("old root " + claim_.old_root.Hex() + " with " +
                     std::to_string(claim_.old_leaf_count) + " leaves");
    }
    if (claim_.new_leaf_count > ~uint64_t{0} - claim_.old_leaf_count) {
      return Invalid(std::to_string(claim_.old_leaf_count) + " leaves and " +
                     std::to_string(claim_.new_leaf_count) + " more");
    }
    return absl::OkStatus();
  }

  // Cuts the stream into pieces of fixed size: a tag, the body that it asks for, a new leaf.
  absl::Status Take(ByteView chunk) {
    while (true) {
      const size_t want = PieceBytes();
      if (want == 0) {
        if (chunk.empty()) return absl::OkStatus();
        return Invalid(std::to_string(chunk.size()) + " bytes after its end");
      }
      if (cut_.empty() && chunk.size() >= want) {
        GROAT_RETURN_IF_ERROR(TakePiece(chunk.first(want)));
        chunk = chunk.subspan(want);
      } else {
        const size_t taken = std::min(chunk.size(), want - cut_.size());
        cut_.insert(cut_.end(), chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(taken));
        chunk = chunk.subspan(taken);
        if (cut_.size() < want) return absl::OkStatus();
        const Bytes piece = std::exchange(cut_, {});
        GROAT_RETURN_IF_ERROR(TakePiece(piece));
      }
      if (plan_.size() >= kPlanSlots) RunPlan();
    }
  }

  size_t PieceBytes() const {
    if (result_ || claim_.new_leaf_count == 0) return 0;
    if (leaves_left_ > 0) return kNewLeafBytes;
    if (!tag_) return 1;
    switch (*tag_) {
      case kItemSame:
        return 32;
      case kItemFilled:
        return 4;
      default:
        return kLargestItemBytes - 1;  // kItemDisplaced; the other items have no body.
    }
  }

  absl::Status TakePiece(ByteView piece) {
    if (leaves_left_ > 0) return TakeNewLeaf(piece);
    if (!tag_) return TakeTag(piece[0]);
    const uint8_t tag = *std::exchange(tag_, std::nullopt);
    ByteReader reader(piece);
    if (tag == kItemSame) {
      const Hash hash = reader.Fixed<32>();
      if (hash.IsZero()) return Invalid("zero hash of a subtree that is not empty");
      const HashPlan::Slot slot = plan_.Known(hash);
      return Fold({slot, slot, false, false});
    }
    if (tag == kItemDisplaced) {
      TrieLeaf leaf;
      leaf.key = reader.Fixed<32>();
      leaf.value = reader.Fixed<32>();
      leaf.cycle = reader.U64();
      if (!InPlace(leaf.key)) return Invalid("old leaf " + leaf.key.Hex() + OutOfPlace());
      if (leaf.cycle >= claim_.cycle) {
        return Invalid("old leaf of cycle " + std::to_string(leaf.cycle) + " in cycle " +
                       std::to_string(claim_.cycle));
      }
      displaced_slot_ = plan_.Leaf(leaf);
      displaced_ = leaf;
    }
    leaves_left_ = reader.U32();
    if (leaves_left_ == 0) return Invalid("item without new leaves");
    if (leaves_left_ > claim_.new_leaf_count - leaves_taken_) {
      return Invalid("more new leaves than " + std::to_string(claim_.new_leaf_count));
    }
    leaves_taken_ += leaves_left_;
    has_displaced_ = displaced_.has_value();
    last_key_.reset();
    return absl::OkStatus();
  }

  absl::Status TakeTag(uint8_t tag) {
    switch (tag) {
      case kItemEmpty:
        return Fold({});
      case kItemNode:
        if (path_.size() == kKeyBits) return Invalid("node below depth 256");
        path_.emplace_back();
        return absl::OkStatus();
      case kItemSame:
      case kItemFilled:
      case kItemDisplaced:
        tag_ = tag;
        return absl::OkStatus();
      default:
        return Invalid("tag " + std::to_string(tag));
    }
  }

  absl::Status TakeNewLeaf(ByteView piece) {
    ByteReader reader(piece);
    TrieLeaf leaf;
    leaf.key = reader.Fixed<32>();
    leaf.value = reader.Fixed<32>();
    leaf.cycle = claim_.cycle;
    if (!InPlace(leaf.key)) return Invalid("new leaf " + leaf.key.Hex() + OutOfPlace());
    if (last_key_ && leaf.key <= *last_key_) {
      return Invalid("new leaf " + leaf.key.Hex() + " after " + last_key_->Hex());
    }
    if (displaced_ && displaced_->key <= leaf.key) {
      if (displaced_->key == leaf.key) return Invalid("new leaf " + leaf.key.Hex() + " is not new");
      subtree_.Append(plan_, *displaced_);
      displaced_.reset();
    }
    subtree_.Append(plan_, leaf);
    last_key_ = leaf.key;
    if (--leaves_left_ > 0) return absl::OkStatus();

    if (displaced_) subtree_.Append(plan_, *displaced_);
    displaced_.reset();
    Folded folded;
    folded.old_slot = has_displaced_ ? displaced_slot_ : HashPlan::kEmpty;
    folded.new_slot = subtree_.Finish(plan_, path_.size());
    folded.grew = true;
    folded.lone_leaf = has_displaced_;
    return Fold(folded);
  }

  // A subtree is complete: so are all nodes of which it is the right child.
  absl::Status Fold(Folded folded) {
    while (!path_.empty()) {
      Frame& above = path_.back();
      const size_t depth = path_.size() - 1;
      if (!above.left) {
        above.left = folded;
        SetPrefixBit(depth, true);
        return absl::OkStatus();
      }
      const Folded& left = *above.left;
      const bool left_empty = left.old_slot == HashPlan::kEmpty;
      const bool right_empty = folded.old_slot == HashPlan::kEmpty;
      if (!left.grew && !folded.grew) return Invalid("node without new leaves" + At(depth));
      if ((left_empty && (right_empty || folded.lone_leaf)) || (right_empty && left.lone_leaf)) {
        return Invalid("node of less than two leaves" + At(depth));
      }
      folded.old_slot = plan_.Node(left.old_slot, folded.old_slot);
      folded.new_slot = plan_.Node(left.new_slot, folded.new_slot);
      folded.grew = true;
      folded.lone_leaf = false;
      path_.pop_back();
      SetPrefixBit(depth, false);
    }
    result_ = folded;
    return absl::OkStatus();
  }

  absl::Status CheckEnd() {
    if (claim_.new_leaf_count == 0) {
      if (claim_.old_root == claim_.new_root) return absl::OkStatus();
      return Invalid("no new leaves, but root " + claim_.old_root.Hex() + " became " +
                     claim_.new_root.Hex());
    }
    if (!result_) return Invalid("it is cut short");
    if (leaves_taken_ != claim_.new_leaf_count) {
      return Invalid(std::to_string(leaves_taken_) + " new leaves, want " +
                     std::to_string(claim_.new_leaf_count));
    }
    plan_.Run();
    const Hash& old_root = plan_[result_->old_slot];
    const Hash& new_root = plan_[result_->new_slot];
    if (old_root != claim_.old_root) {
      return Invalid("old root " + old_root.Hex() + ", want " + claim_.old_root.Hex());
    }
    if (new_root != claim_.new_root) {
      return Invalid("new root " + new_root.Hex() + ", want " + claim_.new_root.Hex());
    }
    return absl::OkStatus();
  }

  // Computes what is planned and keeps only what will be read again.
  void RunPlan() {
    plan_.Run();
    std::vector<std::pair<HashPlan::Slot*, Hash>> kept;
    const auto keep = [&](HashPlan::Slot& slot) {
      if (slot != HashPlan::kEmpty) kept.emplace_back(&slot, plan_[slot]);
    };
    for (Frame& frame : path_) {
      if (!frame.left) continue;
      keep(frame.left->old_slot);
      keep(frame.left->new_slot);
    }
    subtree_.MoveSlots(keep);
    if (leaves_left_ > 0 && has_displaced_) keep(displaced_slot_);
    if (result_) {
      keep(result_->old_slot);
      keep(result_->new_slot);
    }
    plan_.Clear();
    for (const auto& [slot, hash] : kept) *slot = plan_.Known(hash);
  }

  bool InPlace(const Bytes32& key) const { return CommonPrefixBits(key, prefix_) >= path_.size(); }
  std::string OutOfPlace() const { return " is not below " + prefix_.Hex() + At(path_.size()); }
  static std::string At(size_t depth) { return " at depth " + std::to_string(depth); }
  void SetPrefixBit(size_t bit, bool value) {
    const uint8_t mask = static_cast<uint8_t>(0x80u >> (bit % 8));
    uint8_t& byte = prefix_[bit / 8];
    byte = static_cast<uint8_t>(value ? byte | mask : byte & ~mask);
  }

  GrowthClaim claim_;
  absl::Status status_;
  HashPlan plan_;
  std::vector<Frame> path_;       // At most 256.
  Bytes32 prefix_;                // The turns of the path; zero below it.
  std::optional<Folded> result_;  // The whole proof.

  Bytes cut_;                   // A piece that a chunk ended in.
  std::optional<uint8_t> tag_;  // Its body comes next.
  // The item whose new leaves are being read.
  uint64_t leaves_left_ = 0;
  bool has_displaced_ = false;
  HashPlan::Slot displaced_slot_ = HashPlan::kEmpty;
  std::optional<TrieLeaf> displaced_;  // Until its turn among the new leaves has come.
  std::optional<Bytes32> last_key_;
  SortedSubtree subtree_;

  uint64_t leaves_taken_ = 0;  // Counted when an item announces them.
};

GrowthVerifier::GrowthVerifier(const GrowthClaim& claim) : impl_(std::make_unique<Impl>(claim)) {}
GrowthVerifier::~GrowthVerifier() = default;
GrowthVerifier::GrowthVerifier(GrowthVerifier&&) noexcept = default;
GrowthVerifier& GrowthVerifier::operator=(GrowthVerifier&&) noexcept = default;

absl::Status GrowthVerifier::Feed(ByteView chunk) { return impl_->Feed(chunk); }
absl::Status GrowthVerifier::Finish() { return impl_->Finish(); }

absl::Status VerifyGrowth(const GrowthClaim& claim, ByteView proof) {
  GrowthVerifier verifier(claim);
  GROAT_RETURN_IF_ERROR(verifier.Feed(proof));
  return verifier.Finish();
}

}  // namespace groat::merkle
