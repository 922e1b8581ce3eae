// One StreamUpdates call: reads requests, has at most kMaxOpenRequests of them unanswered, and
// sends the answers as they come.
//
// Thread-safe; keeps itself alive until gRPC and the engine are done with it.
#ifndef GROAT_SERVICES_RELAY_UPDATE_STREAM_H_
#define GROAT_SERVICES_RELAY_UPDATE_STREAM_H_

#include <deque>
#include <memory>

#include "rpc/bidi_stream.h"
#include "services/relay/relay_service.h"

namespace groat::relay_service {

class UpdateStream final : public rpc::BoundedBidiStream<relay::v1::StreamUpdatesRequest,
                                                         relay::v1::StreamUpdatesResponse>,
                           public std::enable_shared_from_this<UpdateStream> {
 public:
  static constexpr size_t kMaxOpenRequests = 128;

  UpdateStream(grpc::CallbackServerContext* context, const Relay& relay);

 private:
  void OnMessage(relay::v1::StreamUpdatesRequest request) override;
  void OnHalfClose() override ABSL_LOCKS_EXCLUDED(mutex_);
  void OnWritable() override { Flush(); }

  void Answer(relay::v1::StreamUpdatesResponse response) ABSL_LOCKS_EXCLUDED(mutex_);
  void Flush() ABSL_LOCKS_EXCLUDED(mutex_);
  // Until there are none or the stream is full; gives the lock up while it pushes.
  void SendAnswers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Relay relay_;
  Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;  // Requests without an answer on its way.
  std::deque<relay::v1::StreamUpdatesResponse> answers_ ABSL_GUARDED_BY(mutex_);
  bool flushing_ ABSL_GUARDED_BY(mutex_) = false;
  bool flush_again_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::relay_service

#endif  // GROAT_SERVICES_RELAY_UPDATE_STREAM_H_
