// Distinct integer types for distinct ids, so a height is never passed where a cycle is wanted.
//
// Pure values.
#ifndef GROAT_BASE_STRONG_ID_H_
#define GROAT_BASE_STRONG_ID_H_

#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

namespace groat {

template <typename Tag, typename T>
class StrongId {
 public:
  using Value = T;
  constexpr StrongId() = default;
  constexpr explicit StrongId(T value) : value_(value) {}

  constexpr T value() const { return value_; }
  constexpr StrongId Next() const { return StrongId(static_cast<T>(value_ + 1)); }
  // Only for values above zero.
  constexpr StrongId Previous() const { return StrongId(static_cast<T>(value_ - 1)); }

  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
  friend std::ostream& operator<<(std::ostream& out, const StrongId& id) {
    return out << +id.value_;
  }
  friend std::string ToString(const StrongId& id) { return std::to_string(id.value_); }
  template <typename H>
  friend H AbslHashValue(H h, const StrongId& id) {
    return H::combine(std::move(h), id.value_);
  }

 private:
  T value_ = 0;
};

}  // namespace groat

#endif  // GROAT_BASE_STRONG_ID_H_
