// One watch on etcd, on a thread of its own.
//
// States: connecting -> streaming -> (stream lost: connecting | compacted: connecting) -> ended.
// It remembers the next revision that it owes its callback, so a new stream continues exactly
// there.
#ifndef GROAT_STORAGE_ETCD_WATCH_H_
#define GROAT_STORAGE_ETCD_WATCH_H_

#include <grpcpp/client_context.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "storage/etcd/rpc.grpc.pb.h"
#include "storage/etcd_channels.h"
#include "storage/etcd_keys.h"
#include "storage/register.h"
#include "storage/thread_shelf.h"

namespace groat::storage {

class EtcdWatch : public Watch {
 public:
  struct Parts {  // All must outlive the watch.
    const EtcdChannels* channels = nullptr;
    const EtcdKeys* keys = nullptr;
    ThreadShelf* shelf = nullptr;
  };
  EtcdWatch(const Parts& parts, std::string_view prefix, int64_t from_revision,
            WatchCallback callback);
  ~EtcdWatch() override;

 private:
  // What the thread works with; it may outlive the watch if the callback destroys that.
  class Worker;
  ThreadShelf& shelf_;
  const std::shared_ptr<Worker> worker_;
  const std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
  std::thread thread_;
};

}  // namespace groat::storage

#endif  // GROAT_STORAGE_ETCD_WATCH_H_
