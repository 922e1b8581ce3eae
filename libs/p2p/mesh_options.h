// What a mesh is told when it is made, with defaults that suit a network of up to some hundred
// peers.
//
// Pure values.
#ifndef GROAT_P2P_MESH_OPTIONS_H_
#define GROAT_P2P_MESH_OPTIONS_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "p2p/executor.h"
#include "p2p/peer_id.h"

namespace groat::telemetry {
class Logger;
}  // namespace groat::telemetry

namespace groat::p2p {

// A peer that is known before anybody has told of it.
struct Bootstrapper {
  PeerId peer;
  std::string address;  // "host:port"
};

struct MeshOptions {
  // Names the network, 1 to 64 printable characters, e.g. "groat-testnet consensus". Peers of
  // another namespace are refused, and records signed for it are worth nothing here.
  std::string namespace_name = {};
  std::string listen_address = "127.0.0.1:0";  // "host:port"; port 0 takes a free one.
  // What others are told to dial. Empty: the listen address with its real port.
  std::string advertised_address = {};
  std::vector<Bootstrapper> bootstrappers = {};
  // Whether a connection to this authorized peer is wanted; a layout (layout.h) gives it. It must
  // say the same at both ends. Null: to all.
  std::function<bool(const PeerId&)> wants = nullptr;

  // A connection that is silent this long is pinged; one that is silent for `silence_limit` is
  // taken for dead.
  Duration ping_after = std::chrono::milliseconds(1000);
  Duration silence_limit = std::chrono::milliseconds(2500);

  Duration dial_timeout = std::chrono::milliseconds(10'000);
  // Also for the exchange of hellos on a connection that stands.
  Duration hello_timeout = std::chrono::milliseconds(5000);
  // Wait after the n-th failure in a row: least x 2^(n-1), at most `most`, of which up to half is
  // taken off at random.
  Duration least_redial_wait = std::chrono::milliseconds(50);
  Duration most_redial_wait = std::chrono::milliseconds(400);
  // How long the peer with the higher key leaves dialling to the other one; for longer while many
  // peers are missing.
  Duration dial_courtesy = std::chrono::milliseconds(300);
  // Each costs both sides some milliseconds of processor time, so more at once only end later, and
  // with enough of them none in time.
  size_t max_dials_at_once = 8;

  // Peers are asked for addresses that are missing this often while some are, else at the longer
  // interval.
  Duration hungry_gossip_interval = std::chrono::milliseconds(200);
  Duration gossip_interval = std::chrono::milliseconds(5000);
  size_t max_records_per_answer = 32;  // 1 to 64.
  // Our record is signed anew this often; others' records are forgotten at `record_lifetime`.
  Duration record_refresh = std::chrono::hours(1);
  Duration record_lifetime = std::chrono::hours(24);
  // A record from further ahead of our clock than this is refused.
  Duration max_clock_skew = std::chrono::seconds(30);

  // Connections that have not said hello yet, of anybody.
  size_t max_unproven_connections = 256;
  // How long a peer that broke the protocol, by a malformed frame or a flood, is kept away.
  Duration penalty = std::chrono::seconds(5);

  // Offences are told as warnings, connections at debug level. Null: silent. Not owned.
  telemetry::Logger* logger = nullptr;

  // InvalidArgument names the field, its value and what was wanted.
  absl::Status Validate() const;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_MESH_OPTIONS_H_
