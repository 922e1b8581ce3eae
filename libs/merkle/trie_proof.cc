#include "merkle/trie_proof.h"

#include <string>

#include "base/check.h"
#include "base/status_macros.h"

namespace groat::merkle {
namespace {

constexpr uint8_t kInclusion = 0x01;
constexpr uint8_t kNull = 0x02;
constexpr uint8_t kEmptyPlace = 0x00;
constexpr uint8_t kOtherLeaf = 0x01;

absl::Status Invalid(const std::string& what) {
  return absl::InvalidArgumentError("trie proof: " + what);
}

// What holds for every path, whatever is at its end.
absl::Status CheckPath(const SiblingPath& siblings, size_t max_depth) {
  if (siblings.size() > max_depth) {
    return Invalid("depth " + std::to_string(siblings.size()) + ", at most " +
                   std::to_string(max_depth));
  }
  // A lone leaf has no levels below the last fork, and an empty subtree no empty sibling.
  if (!siblings.empty() && siblings.back().IsZero()) {
    return Invalid("empty sibling at its depth " + std::to_string(siblings.size()));
  }
  return absl::OkStatus();
}

absl::Status CheckShape(const InclusionProof& proof) { return CheckPath(proof.siblings, kKeyBits); }

absl::Status CheckShape(const NullProof& proof) {
  if (!proof.other) {
    return CheckPath(proof.siblings, kKeyBits);
  }
  GROAT_RETURN_IF_ERROR(CheckPath(proof.siblings, kKeyBits - 1));
  const size_t shared = CommonPrefixBits(proof.key, proof.other->key);
  if (shared == kKeyBits) return Invalid("the other leaf has the key itself");
  if (shared < proof.siblings.size()) {
    return Invalid("the other leaf shares " + std::to_string(shared) + " bits, want " +
                   std::to_string(proof.siblings.size()));
  }
  return absl::OkStatus();
}

// Hashes `hash` and the siblings along the key's bits up to the root.
absl::Status CheckRoot(const Bytes32& key, Hash hash, const SiblingPath& siblings,
                       const Hash& root) {
  for (size_t depth = siblings.size(); depth > 0; --depth) {
    const Hash& sibling = siblings[depth - 1];
    hash = KeyBit(key, depth - 1) == 0 ? TrieNodeHash(hash, sibling) : TrieNodeHash(sibling, hash);
  }
  if (hash != root) return Invalid("root " + hash.Hex() + ", want " + root.Hex());
  return absl::OkStatus();
}

void WriteLeaf(ByteWriter& writer, const TrieLeaf& leaf) {
  writer.Raw(leaf.key).Raw(leaf.value).U64(leaf.cycle);
}

TrieLeaf ReadLeaf(ByteReader& reader) {
  TrieLeaf leaf;
  leaf.key = reader.Fixed<32>();
  leaf.value = reader.Fixed<32>();
  leaf.cycle = reader.U64();
  return leaf;
}

void WritePath(ByteWriter& writer, const SiblingPath& siblings) {
  Bytes bitmap((siblings.size() + 7) / 8);
  for (size_t i = 0; i < siblings.size(); ++i) {
    if (!siblings[i].IsZero()) bitmap[i / 8] |= static_cast<uint8_t>(0x80u >> (i % 8));
  }
  writer.U16(static_cast<uint16_t>(siblings.size())).Raw(bitmap);
  for (const Hash& sibling : siblings) {
    if (!sibling.IsZero()) writer.Raw(sibling);
  }
}

absl::StatusOr<SiblingPath> ReadPath(ByteReader& reader) {
  const size_t depth = reader.U16();
  if (depth > kKeyBits) return Invalid("depth " + std::to_string(depth));
  const ByteView bitmap = reader.Raw((depth + 7) / 8);
  if (reader.failed()) return reader.Finish("trie proof");
  if (depth % 8 != 0 && (bitmap.back() & (0xFFu >> (depth % 8))) != 0) {
    return Invalid("bitmap has bits past depth " + std::to_string(depth));
  }
  SiblingPath siblings(depth);
  for (size_t i = 0; i < depth; ++i) {
    if ((bitmap[i / 8] & (0x80u >> (i % 8))) == 0) continue;
    siblings[i] = reader.Fixed<32>();
    if (!reader.failed() && siblings[i].IsZero()) {
      return Invalid("zero hash of the sibling at depth " + std::to_string(i + 1));
    }
  }
  GROAT_RETURN_IF_ERROR(reader.Finish("trie proof"));
  return siblings;
}

absl::Status ReadKind(ByteReader& reader, uint8_t want) {
  const uint8_t kind = reader.U8();
  if (reader.failed()) return reader.Finish("trie proof");
  if (kind != want) {
    return Invalid("kind " + std::to_string(kind) + ", want " + std::to_string(want));
  }
  return absl::OkStatus();
}

}  // namespace

Bytes InclusionProof::Encode() const {
  GROAT_CHECK_OK(CheckShape(*this));
  ByteWriter writer;
  writer.U8(kInclusion);
  WriteLeaf(writer, leaf);
  WritePath(writer, siblings);
  return writer.Take();
}

absl::StatusOr<InclusionProof> InclusionProof::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  GROAT_RETURN_IF_ERROR(ReadKind(reader, kInclusion));
  InclusionProof proof;
  proof.leaf = ReadLeaf(reader);
  GROAT_ASSIGN_OR_RETURN(proof.siblings, ReadPath(reader));
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  return proof;
}

Bytes NullProof::Encode() const {
  GROAT_CHECK_OK(CheckShape(*this));
  ByteWriter writer;
  writer.U8(kNull).Raw(key);
  writer.U8(other ? kOtherLeaf : kEmptyPlace);
  if (other) WriteLeaf(writer, *other);
  WritePath(writer, siblings);
  return writer.Take();
}

absl::StatusOr<NullProof> NullProof::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  GROAT_RETURN_IF_ERROR(ReadKind(reader, kNull));
  NullProof proof;
  proof.key = reader.Fixed<32>();
  const uint8_t place = reader.U8();
  if (place != kEmptyPlace && place != kOtherLeaf) {
    return Invalid("place " + std::to_string(place) + ", want 0 or 1");
  }
  if (place == kOtherLeaf) proof.other = ReadLeaf(reader);
  GROAT_ASSIGN_OR_RETURN(proof.siblings, ReadPath(reader));
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  return proof;
}

absl::Status Verify(const InclusionProof& proof, const Hash& root) {
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  return CheckRoot(proof.leaf.key, TrieLeafHash(proof.leaf), proof.siblings, root);
}

absl::Status Verify(const NullProof& proof, const Hash& root) {
  GROAT_RETURN_IF_ERROR(CheckShape(proof));
  const Hash place = proof.other ? TrieLeafHash(*proof.other) : Hash{};
  return CheckRoot(proof.key, place, proof.siblings, root);
}

}  // namespace groat::merkle
