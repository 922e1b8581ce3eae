#include "telemetry/log.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"

namespace groat::telemetry {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Length of the UTF-8 sequence that `text` begins with, or 0 if it begins with none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

// In the form of a JSON string, without the quotes; also escapes U+007F to U+009F, which control
// a terminal.
void AppendEscaped(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const auto c = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out += kReplacement;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += text[0];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      absl::StrAppend(&out, "\\u", absl::Hex(c, absl::kZeroPad4));
    } else if (c == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) {
      absl::StrAppend(&out, "\\u", absl::Hex(static_cast<unsigned char>(text[1]), absl::kZeroPad4));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void AppendQuoted(std::string_view text, std::string& out) {
  out += '"';
  AppendEscaped(text, out);
  out += '"';
}

bool NeedsQuotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char signed_c : text) {
    const auto c = static_cast<unsigned char>(signed_c);
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

void AppendText(std::string_view text, std::string& out) {
  if (NeedsQuotes(text)) {
    AppendQuoted(text, out);
  } else {
    out += text;
  }
}

template <typename T>
void AppendNumber(T value, std::string& out) {
  char digits[32];
  const auto result = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, result.ptr);
}

void AppendValue(const LogField::Value& value, LogFormat format, std::string& out) {
  const auto append_text = [&](std::string_view text) {
    if (format == LogFormat::kJson) {
      AppendQuoted(text, out);
    } else {
      AppendText(text, out);
    }
  };
  if (const bool* flag = std::get_if<bool>(&value)) {
    out += *flag ? "true" : "false";
  } else if (const int64_t* number = std::get_if<int64_t>(&value)) {
    AppendNumber(*number, out);
  } else if (const uint64_t* natural = std::get_if<uint64_t>(&value)) {
    AppendNumber(*natural, out);
  } else if (const double* real = std::get_if<double>(&value)) {
    if (std::isfinite(*real)) {
      AppendNumber(*real, out);
    } else {
      append_text(std::isnan(*real) ? "nan" : *real > 0 ? "inf" : "-inf");  // JSON has no such.
    }
  } else if (const std::string_view* view = std::get_if<std::string_view>(&value)) {
    append_text(*view);
  } else {
    append_text(std::get<std::string>(value));
  }
}

// "2026-03-01T12:00:00.123Z"
std::string FormatTime(int64_t time_ms) {
  const auto seconds = static_cast<std::time_t>(time_ms / 1000);
  std::tm parts = {};
  gmtime_r(&seconds, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  char milliseconds[16];
  std::snprintf(milliseconds, sizeof milliseconds, ".%03dZ", static_cast<int>(time_ms % 1000));
  return std::string(text, size) + milliseconds;
}

void WriteToStandardError(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;  // Nowhere is left to report it.
    line.remove_prefix(static_cast<size_t>(written));
  }
}

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

absl::StatusOr<LogLevel> ParseLogLevel(std::string_view text) {
  for (size_t i = 0; i < std::size(kLevelNames); ++i) {
    if (text == kLevelNames[i]) return static_cast<LogLevel>(i);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("log level `", std::string(text), "`, want debug, info, warn or error"));
}

absl::StatusOr<LogFormat> ParseLogFormat(std::string_view text) {
  if (text == "json") return LogFormat::kJson;
  if (text == "text") return LogFormat::kText;
  return absl::InvalidArgumentError(
      absl::StrCat("log format `", std::string(text), "`, want json or text"));
}

std::string FormatLogLine(const LogOptions& options, int64_t time_ms, LogLevel level,
                          std::string_view event, Logger::Fields fields) {
  const bool json = options.format == LogFormat::kJson;
  const std::string_view level_name = kLevelNames[static_cast<size_t>(level)];
  std::string line;
  line.reserve(256);
  if (json) {
    absl::StrAppend(&line, "{\"time\":\"", FormatTime(time_ms), "\",\"level\":\"",
                    absl::string_view(level_name.data(), level_name.size()), "\",\"service\":");
    AppendQuoted(options.service, line);
    line += ",\"event\":";
    AppendQuoted(event, line);
  } else {
    // Levels of one width, so that the events stand below each other.
    absl::StrAppend(&line, FormatTime(time_ms), " ",
                    absl::string_view(level_name.data(), level_name.size()),
                    level_name.size() < 5 ? "  " : " ");
    AppendText(options.service, line);
    line += ' ';
    AppendEscaped(event, line);
  }
  for (const LogField& field : fields) {
    line += json ? "," : " ";
    if (json) {
      AppendQuoted(field.key(), line);
    } else {
      AppendText(field.key(), line);
    }
    line += json ? ':' : '=';
    AppendValue(field.value(), options.format, line);
  }
  line += json ? "}\n" : "\n";
  return line;
}

Logger::Logger(LogOptions options) : Logger(std::move(options), WriteToStandardError, NowMs) {}

Logger::Logger(LogOptions options, Sink sink, Clock clock)
    : options_(std::move(options)), clock_(std::move(clock)), sink_(std::move(sink)) {}

void Logger::Log(LogLevel level, std::string_view event, Fields fields) {
  if (!Enabled(level)) return;
  const std::string line = FormatLogLine(options_, clock_(), level, event, fields);
  const MutexLock lock(mutex_);
  sink_(line);
}

}  // namespace groat::telemetry
