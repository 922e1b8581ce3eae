#include "bls/curve/encoding.h"

#include "base/status_macros.h"
#include "bls/curve/g1.h"
#include "bls/curve/g2.h"

namespace groat::bls {
namespace {

constexpr uint8_t kCompressed = 0x80;
constexpr uint8_t kInfinity = 0x40;
constexpr uint8_t kLarger = 0x20;
constexpr uint8_t kFlags = kCompressed | kInfinity | kLarger;

constexpr size_t BytesOf(const Fp*) { return 48; }
constexpr size_t BytesOf(const Fp2*) { return 96; }
template <typename Field>
constexpr size_t kFieldBytes = BytesOf(static_cast<const Field*>(nullptr));

void Write(const Fp& x, uint8_t* out) {
  const FixedBytes<48> bytes = x.ToBytes();
  std::memcpy(out, bytes.data(), 48);
}
void Write(const Fp2& x, uint8_t* out) {
  Write(x.c1, out);
  Write(x.c0, out + 48);
}

absl::Status Invalid(const char* curve, std::string_view problem) {
  return absl::InvalidArgumentError(std::string(curve) + " point: " + std::string(problem));
}

// One coefficient; `name` is x, x.c0 and so on.
absl::StatusOr<Fp> ReadCoefficient(const char* curve, std::string_view name, const uint8_t* bytes) {
  absl::StatusOr<Fp> value = Fp::FromBytes(ByteView(bytes, 48));
  if (!value.ok()) return Invalid(curve, std::string(name) + " is not below the field's modulus");
  return value;
}
absl::Status Read(const char* curve, const std::string& name, const uint8_t* bytes, Fp& out) {
  GROAT_ASSIGN_OR_RETURN(out, ReadCoefficient(curve, name, bytes));
  return absl::OkStatus();
}
absl::Status Read(const char* curve, const std::string& name, const uint8_t* bytes, Fp2& out) {
  GROAT_ASSIGN_OR_RETURN(out.c1, ReadCoefficient(curve, name + ".c1", bytes));
  GROAT_ASSIGN_OR_RETURN(out.c0, ReadCoefficient(curve, name + ".c0", bytes + 48));
  return absl::OkStatus();
}

template <typename Curve>
auto Compress(const AffinePoint<Curve>& p) {
  FixedBytes<kFieldBytes<typename Curve::Field>> out;
  Write(p.x, out.data());
  const uint64_t infinite = p.IsInfinity().mask();
  // Infinity's y is 0, which is not the larger.
  const uint64_t larger = IsLexicographicallyLargest(p.y).mask();
  out[0] = static_cast<uint8_t>(out[0] | kCompressed | (infinite & kInfinity) | (larger & kLarger));
  return out;
}

template <typename Curve>
auto Concatenate(const AffinePoint<Curve>& p) {
  constexpr size_t kBytes = kFieldBytes<typename Curve::Field>;
  FixedBytes<2 * kBytes> out;
  Write(p.x, out.data());
  Write(p.y, out.data() + kBytes);
  out[0] = static_cast<uint8_t>(out[0] | (p.IsInfinity().mask() & kInfinity));
  return out;
}

// What both forms have in common: the length and the flags. True if the point is infinity.
template <typename Curve>
absl::StatusOr<bool> ReadHeader(ByteView bytes, size_t size, bool compressed) {
  if (bytes.size() != size) {
    return Invalid(Curve::kName,
                   std::to_string(bytes.size()) + " bytes, want " + std::to_string(size));
  }
  if (((bytes[0] & kCompressed) != 0) != compressed) {
    return Invalid(Curve::kName, compressed ? "flag of the uncompressed form, want compressed"
                                            : "flag of the compressed form, want uncompressed");
  }
  if ((bytes[0] & kInfinity) == 0) {
    if (!compressed && (bytes[0] & kLarger) != 0) {
      return Invalid(Curve::kName, "sign flag in the uncompressed form");
    }
    return false;
  }
  uint8_t rest = bytes[0] & static_cast<uint8_t>(~(kCompressed | kInfinity));
  for (uint8_t byte : bytes.subspan(1)) rest |= byte;
  if (rest != 0) return Invalid(Curve::kName, "infinity with other bits set");
  return true;
}

template <typename Curve>
absl::StatusOr<AffinePoint<Curve>> Decompress(ByteView bytes) {
  using Field = typename Curve::Field;
  constexpr size_t kBytes = kFieldBytes<Field>;
  GROAT_ASSIGN_OR_RETURN(const bool infinite, ReadHeader<Curve>(bytes, kBytes, true));
  AffinePoint<Curve> p;
  if (infinite) return p;
  std::array<uint8_t, kBytes> x;
  std::memcpy(x.data(), bytes.data(), kBytes);
  x[0] &= static_cast<uint8_t>(~kFlags);
  GROAT_RETURN_IF_ERROR(Read(Curve::kName, "x", x.data(), p.x));
  const std::optional<Field> y = Sqrt(p.x.Square() * p.x + Curve::kB);
  if (!y.has_value()) return Invalid(Curve::kName, "no point of the curve has this x");
  // y is never 0: neither curve has a point of order 2.
  const bool larger = (bytes[0] & kLarger) != 0;
  p.y = IsLexicographicallyLargest(*y).Declassify() == larger ? *y : -*y;
  return p;
}

template <typename Curve>
absl::StatusOr<AffinePoint<Curve>> Separate(ByteView bytes) {
  constexpr size_t kBytes = kFieldBytes<typename Curve::Field>;
  GROAT_ASSIGN_OR_RETURN(const bool infinite, ReadHeader<Curve>(bytes, 2 * kBytes, false));
  AffinePoint<Curve> p;
  if (infinite) return p;
  GROAT_RETURN_IF_ERROR(Read(Curve::kName, "x", bytes.data(), p.x));
  GROAT_RETURN_IF_ERROR(Read(Curve::kName, "y", bytes.data() + kBytes, p.y));
  // (0, 0) stands for infinity among us, but is no encoding of it.
  if (p.IsInfinity().Declassify() || !p.IsOnCurve()) {
    return Invalid(Curve::kName, "not on the curve");
  }
  return p;
}

}  // namespace

FixedBytes<48> EncodeCompressed(const G1Affine& p) { return Compress(p); }
FixedBytes<96> EncodeCompressed(const G2Affine& p) { return Compress(p); }
FixedBytes<96> EncodeUncompressed(const G1Affine& p) { return Concatenate(p); }
FixedBytes<192> EncodeUncompressed(const G2Affine& p) { return Concatenate(p); }

absl::StatusOr<G1Affine> DecodeG1Compressed(ByteView bytes) { return Decompress<G1Curve>(bytes); }
absl::StatusOr<G1Affine> DecodeG1Uncompressed(ByteView bytes) { return Separate<G1Curve>(bytes); }
absl::StatusOr<G2Affine> DecodeG2Compressed(ByteView bytes) { return Decompress<G2Curve>(bytes); }
absl::StatusOr<G2Affine> DecodeG2Uncompressed(ByteView bytes) { return Separate<G2Curve>(bytes); }

absl::Status CheckInSubgroup(const G1Affine& p) {
  return IsInSubgroup(p) ? absl::OkStatus() : Invalid("G1", "not in the subgroup of order r");
}
absl::Status CheckInSubgroup(const G2Affine& p) {
  return IsInSubgroup(p) ? absl::OkStatus() : Invalid("G2", "not in the subgroup of order r");
}

}  // namespace groat::bls
