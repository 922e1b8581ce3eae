// Texts of configuration values: durations, sizes, numbers, and the nearest of several keys.
//
// Pure.
#ifndef GROAT_CONFIG_CONFIG_VALUES_H_
#define GROAT_CONFIG_CONFIG_VALUES_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace groat::config {

// A whole number in decimal, without sign.
std::optional<uint64_t> ParseUnsigned(std::string_view text);
// "500ms", "2s", "15m", "1h": a whole number and its unit.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);
// "512B", "4KiB", "64MiB", "1GiB".
std::optional<uint64_t> ParseSizeBytes(std::string_view text);

// In the largest unit without a remainder; the parsers read it back.
std::string FormatDuration(std::chrono::milliseconds duration);
std::string FormatSizeBytes(uint64_t size_bytes);

// The key with the fewest single-character edits from `key`; empty if there are none.
std::string NearestKey(std::string_view key, const std::vector<std::string>& known);

}  // namespace groat::config

#endif  // GROAT_CONFIG_CONFIG_VALUES_H_
