// A transport between real processes: what its forms have in common.
//
// Two forms: TLS on sockets (tls/tls_transport.h) and gRPC streams (grpc/grpc_transport.h). Both
// sides of a network must have the same form.
//
// Threads as transport.h says; the executor is the transport's own. Life: destroy after StopServer
// and the executor's Stop.
#ifndef GROAT_P2P_LIVE_LIVE_TRANSPORT_H_
#define GROAT_P2P_LIVE_LIVE_TRANSPORT_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "crypto/certificate.h"
#include "p2p/live/handshake_limit.h"
#include "p2p/live/threaded_executor.h"
#include "p2p/transport.h"

namespace groat::p2p {

struct LiveTransportOptions {
  std::string name = "mesh";  // Of the network: its threads are called so.
  int threads = 1;            // gRPC: 1 to 8. TLS: 1.
  // Of the certificate that is made for this process.
  CertificateValidity validity = {};
  Duration handshake_timeout = std::chrono::seconds(10);
  // Of connections that are accepted.
  HandshakeRates handshakes = {};
  // Connections that are accepted and not yet proven; the oldest makes room for a new one.
  size_t max_handshakes_at_once = 256;
};

class LiveTransport : public Transport {
 public:
  // Its threads run once Start is called.
  virtual ThreadedExecutor& executor() = 0;
  // Connections that proved nothing in time, or were too many. From any thread.
  virtual uint64_t cut_off_connections() const = 0;
  // Connections that were not taken since there were too many of them in a second. From any thread.
  virtual uint64_t refused_connections() const = 0;
  // After Shutdown, while the executor runs, and not from it: ends what is left.
  virtual void StopServer() = 0;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_LIVE_LIVE_TRANSPORT_H_
