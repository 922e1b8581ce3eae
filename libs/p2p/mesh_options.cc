#include "p2p/mesh_options.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "p2p/control_message.h"
#include "p2p/peer_record.h"

namespace groat::p2p {
namespace {

absl::Status CheckDuration(absl::string_view field, Duration value, Duration least, Duration most) {
  if (value >= least && value <= most) return absl::OkStatus();
  const auto ms = [](Duration duration) {
    return absl::StrCat(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(),
                        " ms");
  };
  return absl::InvalidArgumentError(
      absl::StrCat("mesh ", field, " is ", ms(value), ", want ", ms(least), " to ", ms(most)));
}

absl::Status CheckCount(absl::string_view field, size_t value, size_t least, size_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("mesh ", field, " is ", value, ", want ", least, " to ", most));
}

absl::Status CheckAddressField(absl::string_view field, const std::string& value,
                               bool allow_port_0 = false) {
  const absl::Status status = CheckAddress(value, allow_port_0);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat("mesh ", field, ": ", status.message()));
}

bool IsPrintable(std::string_view name) {
  for (const char c : name) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

}  // namespace

absl::Status MeshOptions::Validate() const {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  if (namespace_name.empty() || namespace_name.size() > 64 || !IsPrintable(namespace_name)) {
    return absl::InvalidArgumentError(absl::StrCat("mesh namespace is \"", namespace_name,
                                                   "\", want 1 to 64 printable characters"));
  }
  GROAT_RETURN_IF_ERROR(CheckAddressField("listen_address", listen_address, /*allow_port_0=*/true));
  if (!advertised_address.empty()) {
    GROAT_RETURN_IF_ERROR(CheckAddressField("advertised_address", advertised_address));
  }
  for (const Bootstrapper& bootstrapper : bootstrappers) {
    GROAT_RETURN_IF_ERROR(CheckAddressField("bootstrappers", bootstrapper.address));
  }
  GROAT_RETURN_IF_ERROR(CheckDuration("ping_after", ping_after, milliseconds(10), seconds(60)));
  GROAT_RETURN_IF_ERROR(
      CheckDuration("silence_limit", silence_limit, 2 * ping_after, seconds(600)));
  GROAT_RETURN_IF_ERROR(CheckDuration("dial_timeout", dial_timeout, milliseconds(10), seconds(60)));
  GROAT_RETURN_IF_ERROR(
      CheckDuration("hello_timeout", hello_timeout, milliseconds(10), seconds(60)));
  GROAT_RETURN_IF_ERROR(
      CheckDuration("least_redial_wait", least_redial_wait, milliseconds(1), most_redial_wait));
  GROAT_RETURN_IF_ERROR(
      CheckDuration("most_redial_wait", most_redial_wait, least_redial_wait, seconds(600)));
  GROAT_RETURN_IF_ERROR(CheckDuration("dial_courtesy", dial_courtesy, Duration(0), seconds(10)));
  GROAT_RETURN_IF_ERROR(CheckCount("max_dials_at_once", max_dials_at_once, 1, 1024));
  GROAT_RETURN_IF_ERROR(CheckDuration("hungry_gossip_interval", hungry_gossip_interval,
                                      milliseconds(10), gossip_interval));
  GROAT_RETURN_IF_ERROR(
      CheckDuration("gossip_interval", gossip_interval, hungry_gossip_interval, hours(1)));
  GROAT_RETURN_IF_ERROR(
      CheckCount("max_records_per_answer", max_records_per_answer, 1, kMaxRecordsInMessage));
  GROAT_RETURN_IF_ERROR(
      CheckDuration("record_refresh", record_refresh, seconds(10), record_lifetime / 2));
  GROAT_RETURN_IF_ERROR(
      CheckDuration("record_lifetime", record_lifetime, 2 * record_refresh, hours(24 * 365)));
  GROAT_RETURN_IF_ERROR(CheckDuration("max_clock_skew", max_clock_skew, Duration(0), hours(24)));
  GROAT_RETURN_IF_ERROR(
      CheckCount("max_unproven_connections", max_unproven_connections, 1, 65'536));
  return CheckDuration("penalty", penalty, Duration(0), hours(24));
}

}  // namespace groat::p2p
