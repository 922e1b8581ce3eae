// Structured log: one line an event, JSON or text for a terminal.
//
//   logger.Info("cycle rooted", {{"cycle", cycle}, {"root", root.Hex()}, {"leaves", leaf_count}});
//   {"time":"2026-03-01T12:00:00.123Z","level":"info","service":"relay","event":"cycle rooted",
//    "cycle":7,"root":"ab..","leaves":1024}
//
// Levels: error = a human must act; warn = may heal; info = rare lifecycle; debug = off by default.
// Never keys, secrets or personal data. Thread-safe; lines are never interleaved. A logger is made
// in main and handed around by reference.
#ifndef GROAT_TELEMETRY_LOG_H_
#define GROAT_TELEMETRY_LOG_H_

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace groat::telemetry {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kJson, kText };

// "debug", "info", "warn", "error"; "json", "text". InvalidArgument lists them.
absl::StatusOr<LogLevel> ParseLogLevel(std::string_view text);
absl::StatusOr<LogFormat> ParseLogFormat(std::string_view text);

// A key and a typed value. Lives only as long as the call it is written in: texts are views.
class LogField {
 public:
  using Value = std::variant<bool, int64_t, uint64_t, double, std::string_view, std::string>;

  LogField(std::string_view key, bool value) : key_(key), value_(value) {}
  template <std::signed_integral T>
  LogField(std::string_view key, T value) : key_(key), value_(int64_t{value}) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) LogField(std::string_view key, T value)
      : key_(key), value_(uint64_t{value}) {}
  LogField(std::string_view key, double value) : key_(key), value_(value) {}
  LogField(std::string_view key, std::string_view value) : key_(key), value_(value) {}
  LogField(std::string_view key, const std::string& value)
      : key_(key), value_(std::string_view(value)) {}
  LogField(std::string_view key, const char* value) : key_(key), value_(std::string_view(value)) {}
  LogField(std::string_view key, const absl::Status& status)
      : key_(key), value_(status.ToString()) {}
  // A strong id.
  template <typename T>
  requires requires(const T& id) {
    typename T::Value;
    { id.value() } -> std::same_as<typename T::Value>;
  }
  LogField(std::string_view key, const T& id) : LogField(key, id.value()) {}

  std::string_view key() const { return key_; }
  const Value& value() const { return value_; }

 private:
  std::string_view key_;
  Value value_;
};

struct LogOptions {
  std::string service;
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kJson;
};

class Logger {
 public:
  using Fields = std::initializer_list<LogField>;
  // Receives one whole line with its newline; called with a lock held, so it must not log.
  using Sink = std::function<void(std::string_view line)>;
  // Milliseconds since 1970 (UTC).
  using Clock = std::function<int64_t()>;

  // Writes to standard error.
  explicit Logger(LogOptions options);
  Logger(LogOptions options, Sink sink, Clock clock);
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void Error(std::string_view event, Fields fields = {}) { Log(LogLevel::kError, event, fields); }
  void Warn(std::string_view event, Fields fields = {}) { Log(LogLevel::kWarn, event, fields); }
  void Info(std::string_view event, Fields fields = {}) { Log(LogLevel::kInfo, event, fields); }
  void Debug(std::string_view event, Fields fields = {}) { Log(LogLevel::kDebug, event, fields); }
  void Log(LogLevel level, std::string_view event, Fields fields);

  // For callers that would compute a field only to see it dropped.
  bool Enabled(LogLevel level) const { return level >= options_.level; }

 private:
  const LogOptions options_;
  const Clock clock_;
  Mutex mutex_;
  const Sink sink_ ABSL_GUARDED_BY(mutex_);
};

// The line of one event, with its newline. Control characters are escaped, in text form spaces and
// quotes too, and bytes that are no UTF-8 become U+FFFD, so a field can neither end a line nor
// pass for another field.
std::string FormatLogLine(const LogOptions& options, int64_t time_ms, LogLevel level,
                          std::string_view event, Logger::Fields fields);

}  // namespace groat::telemetry

#endif  // GROAT_TELEMETRY_LOG_H_
