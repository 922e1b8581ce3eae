#include "storage/etcd_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace groat::storage {
namespace {

// After a stream that brought nothing. Doubles up to the maximum.
constexpr auto kFirstPause = std::chrono::milliseconds(20);
constexpr auto kLongestPause = std::chrono::milliseconds(1000);

}  // namespace

class EtcdWatch::Worker {
 public:
  Worker(const Parts& parts, KeyRange range, int64_t next_revision, WatchCallback callback)
      : parts_(parts),
        range_(std::move(range)),
        next_revision_(next_revision),
        callback_(std::move(callback)) {}

  void Run() {
    auto pause = kFirstPause;
    while (true) {
      const int64_t before = next_revision_;
      size_t endpoint = 0;
      const auto channel = parts_.channels->ConnectPreferred(endpoint);
      if (channel != nullptr) {
        Stream(channel);
        parts_.channels->MoveOn(endpoint);
      }
      pause = next_revision_ > before ? kFirstPause : std::min(2 * pause, kLongestPause);
      if (!Pause(pause)) break;
    }
    callback_ = nullptr;
  }

  void Stop() {
    MutexLock lock(mutex_);
    stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.NotifyAll();
  }

 private:
  bool stopping() {
    MutexLock lock(mutex_);
    return stopping_;
  }

  // False if the watch is to end.
  bool Pause(std::chrono::milliseconds duration) {
    const auto deadline = std::chrono::steady_clock::now() + duration;
    MutexLock lock(mutex_);
    while (!stopping_ && changed_.WaitUntil(mutex_, deadline)) {
    }
    return !stopping_;
  }

  // Runs streams on the channel until one fails.
  void Stream(const std::shared_ptr<grpc::Channel>& channel) {
    bool again = true;
    while (again) {
      grpc::ClientContext context;
      // Without a deadline, as a watch lasts; the member ends it when it loses its leader, and
      // pings of the connection notice a member that stalls.
      context.AddMetadata("hasleader", "true");
      if (!SetContext(&context)) return;
      const auto stream = etcdserverpb::Watch::NewStub(channel)->Watch(&context);
      again = stream->Write(Request()) && ReadAll(*stream);
      context.TryCancel();
      stream->Finish().IgnoreError();
      SetContext(nullptr);
    }
  }

  bool SetContext(grpc::ClientContext* context) {
    MutexLock lock(mutex_);
    context_ = context;
    return !stopping_;
  }

  etcdserverpb::WatchRequest Request() const {
    etcdserverpb::WatchRequest request;
    etcdserverpb::WatchCreateRequest& create = *request.mutable_create_request();
    create.set_key(range_.begin);
    create.set_range_end(range_.end);
    // One revision early: a watch that begins exactly at a compacted revision is accepted by etcd,
    // although the deletions of that revision are gone. What comes too early is dropped.
    create.set_start_revision(std::max<int64_t>(1, next_revision_ - 1));
    return request;
  }

  // True if a new stream is wanted on the same channel.
  bool ReadAll(
      grpc::ClientReaderWriter<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse>& stream) {
    etcdserverpb::WatchResponse response;
    while (stream.Read(&response)) {
      if (response.canceled()) {
        if (response.compact_revision() < next_revision_) return false;
        next_revision_ = response.compact_revision() + 1;
        Deliver({WatchUpdate::Kind::kCompacted, {}, response.compact_revision()});
        return true;
      }
      WatchUpdate update;
      for (const mvccpb::Event& event : response.events()) {
        if (event.kv().mod_revision() < next_revision_) continue;
        const bool is_delete = event.type() == mvccpb::Event::DELETE;
        update.revision = event.kv().mod_revision();
        update.events.push_back({is_delete ? WatchEvent::Kind::kDelete : WatchEvent::Kind::kPut,
                                 parts_.keys->FromEtcd(event.kv())});
      }
      if (update.events.empty()) continue;
      next_revision_ = update.revision + 1;
      Deliver(update);
    }
    return false;
  }

  void Deliver(const WatchUpdate& update) {
    if (!stopping()) callback_(update);
  }

  const Parts parts_;
  const KeyRange range_;
  // The rest is used by the thread alone, up to the mutex.
  int64_t next_revision_;
  WatchCallback callback_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;  // Of the running stream.
};

EtcdWatch::EtcdWatch(const Parts& parts, std::string_view prefix, int64_t from_revision,
                     WatchCallback callback)
    : shelf_(*parts.shelf),
      worker_(std::make_shared<Worker>(parts, parts.keys->ToEtcd(KeyRange::Prefix(prefix)),
                                       std::max<int64_t>(from_revision, 1), std::move(callback))) {
  thread_ = std::thread([worker = worker_, ended = ended_] {
    worker->Run();
    *ended = true;
  });
}

EtcdWatch::~EtcdWatch() {
  worker_->Stop();
  shelf_.Join(std::move(thread_), ended_);
}

}  // namespace groat::storage
