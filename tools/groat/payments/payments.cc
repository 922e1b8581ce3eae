#include "tools/groat/payments/payments.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <system_error>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "crypto/blake3.h"

namespace groat::payments {
namespace {

constexpr std::string_view kHeader =
    "time_of_day_ms,payment_id,payer_asset,amount_cents,merchant_category";
constexpr size_t kFieldCount = 5;
constexpr size_t kMaxAssetSize = 64;
constexpr size_t kMaxCategorySize = 32;
constexpr uint64_t kMaxAmountCents = 1'000'000'000;
constexpr uint64_t kMaxPaymentId = ~uint64_t{0};
// Bad input is quoted up to here.
constexpr size_t kMaxQuoted = 80;

absl::string_view Absl(std::string_view text) { return {text.data(), text.size()}; }

std::string Quoted(std::string_view text) {
  if (text.size() > kMaxQuoted)
    return absl::StrCat("\"", Absl(text.substr(0, kMaxQuoted)), "...\"");
  return absl::StrCat("\"", Absl(text), "\"");
}

// One line of the file, for messages.
struct Place {
  std::string_view name;
  size_t line = 0;

  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(Absl(name), ":", line, ": ", Absl(what)));
  }
};

struct NumberField {
  std::string_view name;
  uint64_t least = 0;
  uint64_t greatest = 0;
};

absl::StatusOr<uint64_t> ParseNumber(const Place& place, const NumberField& field,
                                     std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < field.least ||
      value > field.greatest) {
    return place.Error(absl::StrCat(Absl(field.name), " is ", Quoted(text),
                                    ", want a whole number from ", field.least, " to ",
                                    field.greatest));
  }
  return value;
}

absl::StatusOr<std::string> ParseWord(const Place& place, std::string_view field, size_t max_size,
                                      std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
  if (text.empty() || text.size() > max_size || !plain) {
    return place.Error(absl::StrCat(Absl(field), " is ", Quoted(text), ", want 1 to ", max_size,
                                    " letters, digits, '-' or '_'"));
  }
  return std::string(text);
}

absl::StatusOr<Payment> ParseLine(const Place& place, std::string_view line) {
  std::string_view fields[kFieldCount];
  size_t count = 0;
  for (std::string_view rest = line;; ++count) {
    const size_t comma = rest.find(',');
    if (count < kFieldCount) fields[count] = rest.substr(0, comma);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  ++count;
  if (count != kFieldCount) {
    return place.Error(absl::StrCat(count, " fields, want ", kFieldCount, ": ", Absl(kHeader)));
  }
  Payment payment;
  GROAT_ASSIGN_OR_RETURN(const uint64_t time,
                         ParseNumber(place, {"time_of_day_ms", 0, kDayMs - 1}, fields[0]));
  payment.time_of_day_ms = static_cast<uint32_t>(time);
  GROAT_ASSIGN_OR_RETURN(payment.payment_id,
                         ParseNumber(place, {"payment_id", 0, kMaxPaymentId}, fields[1]));
  GROAT_ASSIGN_OR_RETURN(payment.payer_asset,
                         ParseWord(place, "payer_asset", kMaxAssetSize, fields[2]));
  GROAT_ASSIGN_OR_RETURN(payment.amount_cents,
                         ParseNumber(place, {"amount_cents", 1, kMaxAmountCents}, fields[3]));
  GROAT_ASSIGN_OR_RETURN(payment.merchant_category,
                         ParseWord(place, "merchant_category", kMaxCategorySize, fields[4]));
  return payment;
}

// Takes the first line off `text`, without its line end ("\n" or "\r\n").
std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

absl::StatusOr<std::vector<Payment>> ParsePayments(std::string_view text, std::string_view name) {
  Place place{name, 1};
  const std::string_view header = TakeLine(text);
  if (header != kHeader) {
    return place.Error(absl::StrCat("header is ", Quoted(header), ", want ", Absl(kHeader)));
  }
  std::vector<Payment> payments;
  absl::flat_hash_set<uint64_t> ids;
  while (!text.empty()) {
    ++place.line;
    GROAT_ASSIGN_OR_RETURN(Payment payment, ParseLine(place, TakeLine(text)));
    if (!ids.insert(payment.payment_id).second) {
      return place.Error(absl::StrCat("payment_id is ", payment.payment_id,
                                      ", which an earlier line has; want distinct ids"));
    }
    if (!payments.empty() && payment.time_of_day_ms < payments.back().time_of_day_ms) {
      return place.Error(absl::StrCat("time_of_day_ms is ", payment.time_of_day_ms,
                                      ", want at least ", payments.back().time_of_day_ms,
                                      ", the time of the line before"));
    }
    payments.push_back(std::move(payment));
  }
  if (payments.empty()) return place.Error("no payment follows, want at least one");
  return payments;
}

absl::StatusOr<std::vector<Payment>> ReadPayments(const std::filesystem::path& path) {
  std::error_code error;
  const uintmax_t size_bytes = std::filesystem::file_size(path, error);
  if (error) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": ", error.message()));
  }
  if (size_bytes > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.string(), ": ", size_bytes, " bytes, want at most ", kMaxFileBytes));
  }
  std::ifstream in(path, std::ios::binary);
  std::string text(size_bytes, '\0');
  if (!in.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    return absl::UnavailableError(absl::StrCat(path.string(), ": cannot be read"));
  }
  return ParsePayments(text, path.string());
}

std::vector<bool> MarkDoubleSpends(const std::vector<Payment>& payments) {
  absl::flat_hash_set<std::string_view> spent;
  std::vector<bool> marks;
  marks.reserve(payments.size());
  for (const Payment& payment : payments)
    marks.push_back(!spent.insert(payment.payer_asset).second);
  return marks;
}

record::Update UpdateOf(const Payment& payment, const Bytes32& run) {
  static const Blake3Context* const kUnlock = new Blake3Context("groat 2026 demo unlock v1");
  static const Blake3Context* const kValue = new Blake3Context("groat 2026 demo value v1");
  ByteWriter state;
  state.Raw(run)
      .U64(payment.payment_id)
      .U32(payment.time_of_day_ms)
      .U64(payment.amount_cents)
      .U8(static_cast<uint8_t>(payment.payer_asset.size()))
      .Text(payment.payer_asset)
      .Text(payment.merchant_category);
  return {(*kUnlock)({run, AsBytes(payment.payer_asset)}), (*kValue)(state.bytes())};
}

}  // namespace groat::payments
