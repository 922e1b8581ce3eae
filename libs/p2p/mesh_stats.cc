#include "p2p/mesh_stats.h"

namespace groat::p2p {

const char* DropName(Drop drop) {
  switch (drop) {
    case Drop::kNotConnected:
      return "not_connected";
    case Drop::kBacklogFull:
      return "backlog_full";
    case Drop::kTooLarge:
      return "too_large";
    case Drop::kLinkClosed:
      return "link_closed";
    case Drop::kReceiverFull:
      return "receiver_full";
    case Drop::kRateExceeded:
      return "rate_exceeded";
    case Drop::kOversized:
      return "oversized";
    case Drop::kBadCompression:
      return "bad_compression";
    case Drop::kMalformed:
      return "malformed";
    case Drop::kInvalid:
      return "invalid";
  }
  return "unknown";
}

const char* ClosureName(Closure closure) {
  switch (closure) {
    case Closure::kDialFailed:
      return "dial_failed";
    case Closure::kRefused:
      return "refused";
    case Closure::kUnauthorized:
      return "unauthorized";
    case Closure::kStrangerLimit:
      return "stranger_limit";
    case Closure::kHelloTimeout:
      return "hello_timeout";
    case Closure::kBadHello:
      return "bad_hello";
    case Closure::kWrongNamespace:
      return "wrong_namespace";
    case Closure::kDuplicate:
      return "duplicate";
    case Closure::kReplaced:
      return "replaced";
    case Closure::kSilent:
      return "silent";
    case Closure::kMalformedFrame:
      return "malformed_frame";
    case Closure::kFlood:
      return "flood";
    case Closure::kDropped:
      return "dropped";
    case Closure::kBlocked:
      return "blocked";
    case Closure::kBroken:
      return "broken";
    case Closure::kUnwanted:
      return "unwanted";
  }
  return "unknown";
}

const char* PeerClassName(PeerClass peer_class) {
  return peer_class == PeerClass::kMember ? "member" : "stranger";
}

}  // namespace groat::p2p
