// Byte strings of fixed and free length, hexadecimal, and big-endian encoding.
//
// Pure values; no shared state.
#ifndef GROAT_BASE_BYTES_H_
#define GROAT_BASE_BYTES_H_

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace groat {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

// Lower-case hexadecimal, two digits a byte.
std::string ToHex(ByteView bytes);
// Accepts upper and lower case. InvalidArgument names an odd length or the first bad digit.
absl::StatusOr<Bytes> FromHex(std::string_view hex);

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string ToString(ByteView bytes) { return std::string(AsText(bytes)); }

// True if both have the same length and content; time depends on the length alone.
bool EqualConstantTime(ByteView a, ByteView b);

// Overwrites secrets in a way that the compiler keeps.
void Zeroise(std::span<uint8_t> bytes);

// Exactly N bytes. All zero when default-constructed. Ordered as big-endian numbers.
template <size_t N>
struct FixedBytes {
  static constexpr size_t kSize = N;
  std::array<uint8_t, N> data_{};

  constexpr const uint8_t* data() const { return data_.data(); }
  constexpr uint8_t* data() { return data_.data(); }
  static constexpr size_t size() { return N; }
  constexpr const uint8_t* begin() const { return data_.data(); }
  constexpr const uint8_t* end() const { return data_.data() + N; }
  constexpr uint8_t operator[](size_t i) const { return data_[i]; }
  constexpr uint8_t& operator[](size_t i) { return data_[i]; }
  operator ByteView() const { return ByteView(data_.data(), N); }

  bool IsZero() const {
    for (uint8_t b : data_) {
      if (b != 0) return false;
    }
    return true;
  }
  std::string Hex() const { return ToHex(*this); }

  // InvalidArgument "NAME is 31 bytes, want 32" if the length differs.
  static absl::StatusOr<FixedBytes> From(ByteView bytes, std::string_view name) {
    if (bytes.size() != N) {
      return absl::InvalidArgumentError(std::string(name) + " is " + std::to_string(bytes.size()) +
                                        " bytes, want " + std::to_string(N));
    }
    FixedBytes out;
    std::memcpy(out.data(), bytes.data(), N);
    return out;
  }
  // InvalidArgument if `hex` is not exactly 2 * N hexadecimal digits.
  static absl::StatusOr<FixedBytes> FromHexText(std::string_view hex, std::string_view name) {
    absl::StatusOr<Bytes> bytes = FromHex(hex);
    if (!bytes.ok()) {
      return absl::InvalidArgumentError(std::string(name) + ": " +
                                        std::string(bytes.status().message()));
    }
    return From(*bytes, name);
  }

  friend bool operator==(const FixedBytes& a, const FixedBytes& b) {
    return std::memcmp(a.data(), b.data(), N) == 0;
  }
  friend std::strong_ordering operator<=>(const FixedBytes& a, const FixedBytes& b) {
    return std::memcmp(a.data(), b.data(), N) <=> 0;
  }
  friend std::ostream& operator<<(std::ostream& out, const FixedBytes& bytes) {
    return out << bytes.Hex();
  }
  template <typename H>
  friend H AbslHashValue(H h, const FixedBytes& bytes) {
    return H::combine_contiguous(std::move(h), bytes.data(), N);
  }
};

using Bytes32 = FixedBytes<32>;
using Bytes64 = FixedBytes<64>;

inline void StoreBigEndian(uint64_t value, uint8_t* out, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    out[size - 1 - i] = static_cast<uint8_t>(value >> (8 * i));
  }
}
inline uint64_t LoadBigEndian(const uint8_t* in, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | in[i];
  return value;
}

// Appends fixed-layout, big-endian fields.
class ByteWriter {
 public:
  ByteWriter& U8(uint8_t value) { return Unsigned(value, 1); }
  ByteWriter& U16(uint16_t value) { return Unsigned(value, 2); }
  ByteWriter& U32(uint32_t value) { return Unsigned(value, 4); }
  ByteWriter& U64(uint64_t value) { return Unsigned(value, 8); }
  ByteWriter& Raw(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  ByteWriter& Text(std::string_view text) { return Raw(AsBytes(text)); }

  const Bytes& bytes() const { return bytes_; }
  Bytes Take() { return std::move(bytes_); }

 private:
  ByteWriter& Unsigned(uint64_t value, size_t size) {
    bytes_.resize(bytes_.size() + size);
    StoreBigEndian(value, bytes_.data() + bytes_.size() - size, size);
    return *this;
  }
  Bytes bytes_;
};

// Reads what ByteWriter wrote. The first read past the end makes the reader fail: from then on
// every read gives zeros, and Finish() reports it. Check Finish() before any value is used.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  uint8_t U8() { return static_cast<uint8_t>(Unsigned(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Unsigned(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Unsigned(4)); }
  uint64_t U64() { return Unsigned(8); }
  // A view into the input; empty on failure.
  ByteView Raw(size_t size);
  template <size_t N>
  FixedBytes<N> Fixed() {
    FixedBytes<N> out;
    const ByteView view = Raw(N);
    if (view.size() == N) std::memcpy(out.data(), view.data(), N);
    return out;
  }

  bool failed() const { return failed_; }
  size_t remaining() const { return rest_.size(); }
  // OK only if no read failed and nothing is left. InvalidArgument names `what`.
  absl::Status Finish(std::string_view what) const;

 private:
  uint64_t Unsigned(size_t size) {
    const ByteView view = Raw(size);
    return view.size() == size ? LoadBigEndian(view.data(), size) : 0;
  }
  ByteView rest_;
  bool failed_ = false;
};

}  // namespace groat

#endif  // GROAT_BASE_BYTES_H_
