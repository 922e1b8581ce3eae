#include "storage/table_pace.h"

#include <algorithm>

namespace groat::storage {
namespace {

constexpr double kRoom = 2;
// Weight of the last interval when less came in than before.
constexpr double kFall = 0.1;

}  // namespace

std::optional<int64_t> TablePace::Note(uint64_t bytes, Clock::time_point now) {
  bytes_ += bytes;
  if (!since_.has_value()) since_ = now;
  if (now - *since_ < kInterval) return std::nullopt;
  const double measured =
      static_cast<double>(bytes_) / std::chrono::duration<double>(now - *since_).count();
  per_second_ = std::max(measured, per_second_ + kFall * (measured - per_second_));
  since_ = now;
  bytes_ = 0;
  return std::clamp(static_cast<int64_t>(kRoom * per_second_), kLeast, kFirst);
}

}  // namespace groat::storage
