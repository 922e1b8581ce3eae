#include "storage/etcd_channels.h"

#include <grpcpp/create_channel.h>

#include <algorithm>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "storage/etcd/rpc.grpc.pb.h"
#include "storage/register.h"

namespace groat::storage {
namespace {

// Between two rounds over all endpoints.
constexpr absl::Duration kPause = absl::Milliseconds(50);
// How long to wait for an endpoint that failed the last time.
constexpr absl::Duration kRevisit = absl::Milliseconds(100);
// For each member when the leader is looked for.
constexpr absl::Duration kLookTimeout = absl::Milliseconds(50);
constexpr int kMaxReceiveBytes = 64 << 20;

// What a failed try says about the call.
enum class Verdict {
  kFinal,       // The store refused; without effect, and another member would refuse too.
  kNotApplied,  // Without effect; another member may accept.
  kUnknown,     // It may have had its effect.
};

Verdict Judge(const grpc::Status& status) {
  const std::string& message = status.error_message();
  // The member's Raft refused to take the proposal in.
  if (message == "raft proposal dropped") return Verdict::kNotApplied;
  // Errors without this prefix come from gRPC: the request may have arrived.
  if (!absl::StartsWith(message, "etcdserver: ")) return Verdict::kUnknown;
  // Refused before the request reached Raft.
  static const auto* const kRefusals =
      new std::set<std::string>{"etcdserver: no leader", "etcdserver: not capable",
                                "etcdserver: rpc not supported for learner",
                                "etcdserver: too many requests", "etcdserver: unhealthy cluster"};
  if (kRefusals->count(message) != 0) return Verdict::kNotApplied;
  switch (status.error_code()) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::OUT_OF_RANGE:
      return Verdict::kFinal;
    default:
      return Verdict::kUnknown;
  }
}

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // In spite of its name, also the time that a connection gets to complete its handshake.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // A stalled member is noticed by pings; etcd refuses more than one in 5 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3000);
  // Repetition is decided here and nowhere else.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  return arguments;
}

absl::Status Validate(const EtcdOptions& options) {
  if (options.endpoints.empty()) return absl::InvalidArgumentError("no etcd endpoint");
  for (const std::string& endpoint : options.endpoints) {
    if (endpoint.empty() || absl::StrContains(endpoint, "/") || !absl::StrContains(endpoint, ":")) {
      return absl::InvalidArgumentError(
          absl::StrCat("etcd endpoint \"", endpoint, "\", want host:port"));
    }
  }
  if (options.credentials == nullptr) return absl::InvalidArgumentError("no etcd credentials");
  const absl::Duration least = absl::Milliseconds(10);
  if (options.try_timeout < least || options.connect_timeout < least ||
      options.call_timeout < options.try_timeout) {
    return absl::InvalidArgumentError(
        absl::StrCat("etcd timeouts: call ", absl::FormatDuration(options.call_timeout), ", try ",
                     absl::FormatDuration(options.try_timeout), ", connect ",
                     absl::FormatDuration(options.connect_timeout),
                     ", want at least 10ms and call not below try"));
  }
  return absl::OkStatus();
}

void Prepare(grpc::ClientContext& context, absl::Time deadline, bool requires_leader) {
  context.set_deadline(absl::ToChronoTime(deadline));
  if (requires_leader) context.AddMetadata("hasleader", "true");
}

}  // namespace

absl::Status FromEtcd(const grpc::Status& status, const std::string& endpoint) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("etcd ", endpoint, ": ", status.error_message()));
}

absl::StatusOr<std::unique_ptr<EtcdChannels>> EtcdChannels::Make(const EtcdOptions& options) {
  GROAT_RETURN_IF_ERROR(Validate(options));
  return std::unique_ptr<EtcdChannels>(new EtcdChannels(options));
}

EtcdChannels::EtcdChannels(const EtcdOptions& options) : options_(options) {
  for (const std::string& endpoint : options_.endpoints) {
    channels_.push_back(grpc::CreateCustomChannel(endpoint, options_.credentials, Arguments()));
  }
}

bool EtcdChannels::Connect(size_t index, absl::Time deadline) const {
  grpc::Channel& channel = *channels_[index];
  const absl::Time now = absl::Now();
  grpc_connectivity_state state = channel.GetState(true);
  if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    // It failed before and is being tried again, but gRPC makes progress only while someone waits.
    channel.WaitForStateChange(state, absl::ToChronoTime(std::min(deadline, now + kRevisit)));
    state = channel.GetState(true);
  }
  const auto until = absl::ToChronoTime(std::min(deadline, now + options_.connect_timeout));
  while (state != GRPC_CHANNEL_READY) {
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) return false;
    if (!channel.WaitForStateChange(state, until)) return false;
    state = channel.GetState(true);
  }
  return true;
}

std::shared_ptr<grpc::Channel> EtcdChannels::ConnectPreferred(size_t& index) const {
  index = preferred_.load();
  if (Connect(index, absl::InfiniteFuture())) return channels_[index];
  MoveOn(index);
  return nullptr;
}

void EtcdChannels::MoveOn(size_t failed) const {
  preferred_.compare_exchange_strong(failed, (failed + 1) % channels_.size());
}

void EtcdChannels::PreferLeader() const {
  const size_t first = preferred_.load();
  std::optional<uint64_t> leader;
  for (size_t i = 0; i < channels_.size(); ++i) {
    const size_t index = (first + i) % channels_.size();
    const absl::Time deadline = absl::Now() + kLookTimeout;
    if (!Connect(index, deadline)) continue;
    grpc::ClientContext context;
    Prepare(context, deadline, false);
    etcdserverpb::StatusResponse response;
    const auto stub = etcdserverpb::Maintenance::NewStub(channels_[index]);
    if (!stub->Status(&context, {}, &response).ok()) continue;
    if (!leader.has_value()) leader = response.leader();
    if (response.header().member_id() != *leader) continue;
    size_t expected = first;
    preferred_.compare_exchange_strong(expected, index);
    return;
  }
}

absl::Status EtcdChannels::ConnectionError(size_t index) const {
  // A call on a channel that failed to connect ends at once with the reason.
  grpc::ClientContext context;
  Prepare(context, absl::Now() + options_.connect_timeout, false);
  etcdserverpb::StatusResponse response;
  const grpc::Status status =
      etcdserverpb::Maintenance::NewStub(channels_[index])->Status(&context, {}, &response);
  return absl::UnavailableError(absl::StrCat(
      "etcd ", options_.endpoints[index],
      " cannot be reached: ", status.ok() ? "slow to connect" : status.error_message()));
}

absl::Status EtcdChannels::CallRepeatable(absl::Duration timeout, const Try& attempt) const {
  return Call({.timeout = timeout}, attempt);
}

absl::Status EtcdChannels::CallWithoutQuorum(const Try& attempt) const {
  return Call({.timeout = options_.call_timeout, .requires_leader = false}, attempt);
}

absl::Status EtcdChannels::CallOnce(const Try& attempt) const {
  return Call({.timeout = options_.call_timeout, .repeatable = false}, attempt);
}

absl::Status EtcdChannels::Call(const Manner& manner, const Try& attempt) const {
  const absl::Time deadline = absl::Now() + manner.timeout;
  absl::Status last;
  size_t unreached = 0;  // The endpoint that the last failure to connect was about.
  for (size_t tries = 1; absl::Now() < deadline; ++tries) {
    // What cannot be repeated is not sent so late that its answer would surely be missed.
    const absl::Duration left = deadline - absl::Now();
    if (!manner.repeatable && tries > 1 && left < options_.try_timeout / 2) break;
    const size_t index = preferred_.load();
    if (Connect(index, deadline)) {
      grpc::ClientContext context;
      Prepare(context, std::min(deadline, absl::Now() + options_.try_timeout),
              manner.requires_leader);
      const grpc::Status status = attempt(channels_[index], context);
      if (status.ok()) return absl::OkStatus();
      last = FromEtcd(status, options_.endpoints[index]);
      const Verdict verdict = Judge(status);
      if (verdict == Verdict::kFinal) return last;
      MoveOn(index);
      if (verdict == Verdict::kUnknown && !manner.repeatable) {
        return OutcomeUnknownError(std::string(last.message()));
      }
    } else {
      unreached = index;
      MoveOn(index);
    }
    if (tries % channels_.size() == 0) absl::SleepFor(std::min(kPause, deadline - absl::Now()));
  }
  if (last.ok()) return ConnectionError(unreached);
  // Whatever the last refusal was called, it had no effect, or repeating it is harmless.
  if (absl::IsResourceExhausted(last)) return last;
  return absl::UnavailableError(last.message());
}

absl::Status EtcdChannels::CallEndpoint(size_t index, absl::Duration timeout,
                                        const Try& attempt) const {
  const absl::Time deadline = absl::Now() + timeout;
  if (!Connect(index, deadline)) return ConnectionError(index);
  grpc::ClientContext context;
  Prepare(context, deadline, false);
  return FromEtcd(attempt(channels_[index], context), options_.endpoints[index]);
}

}  // namespace groat::storage
