// Answers the requests of peers for values by key; the other side of requester.h.
//
// Everything belongs to tasks of the network's executor.
#ifndef GROAT_P2P_PROTOCOL_ANSWERER_H_
#define GROAT_P2P_PROTOCOL_ANSWERER_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "p2p/executor.h"
#include "p2p/peer_id.h"
#include "p2p/protocol/request_channels.h"

namespace groat::p2p {

struct AnswererOptions {
  // Requests that the application has not answered yet. Beyond that the peer is told to ask others.
  size_t max_open_per_peer = 64;
  size_t max_open = 1024;
};

struct AnswererStats {
  uint64_t requests = 0;
  uint64_t values = 0;
  uint64_t did_not_have = 0;
  uint64_t busy = 0;
  uint64_t too_large = 0;  // Values that the channel does not take; answered as not had.
  uint64_t unsent = 0;     // Answers to peers that had gone or whose backlog was full.
  uint64_t open = 0;       // Gauge: the application has not answered these.
};

class Answerer {
 private:
  class Impl;

 public:
  // One request's answer. Used once, in any task of the executor; outliving the answerer does no
  // harm. One that is destroyed unused says that we do not have the value.
  class Reply {
   public:
    Reply(std::weak_ptr<Impl> owner, const PeerId& to, uint64_t id);
    ~Reply() { DoNotHave(); }
    Reply(Reply&&) noexcept;
    Reply& operator=(Reply&&) = delete;

    // At most RequestChannelsOptions::max_value_bytes.
    void Have(ByteView value);
    void DoNotHave();

   private:
    std::weak_ptr<Impl> owner_;  // Empty once it is used.
    PeerId to_;
    uint64_t id_;
  };
  // `key` is 1 to kMaxRequestKeyBytes bytes, chosen by the peer, and valid during the call.
  using Handler = std::function<void(const PeerId& from, ByteView key, Reply reply)>;

  Answerer(Executor& executor, const RequestChannels& channels, const AnswererOptions& options,
           Handler handler);
  ~Answerer();
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

  const AnswererStats& stats() const;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_PROTOCOL_ANSWERER_H_
