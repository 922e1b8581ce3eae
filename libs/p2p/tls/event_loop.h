// An executor that waits for sockets: one thread, one epoll instance.
//
// A turn of the loop handles what has happened on sockets, then tasks and timers, and last whoever
// asked to go on: so what a turn queues for a connection is written at its end, in one piece.
//
// Threads as executor.h says; Watch and what follows belong to tasks.
#ifndef GROAT_P2P_TLS_EVENT_LOOP_H_
#define GROAT_P2P_TLS_EVENT_LOOP_H_

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "p2p/live/threaded_executor.h"

namespace groat::p2p {

class EventLoop final : public ThreadedExecutor {
 public:
  // Whom the loop tells of a file descriptor. May unwatch itself, and any other, when it is told.
  class Handler {
   public:
    virtual ~Handler() = default;
    // EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP; 0 after Again.
    virtual void OnReady(uint32_t events) = 0;
  };
  // Names a watch; never used again.
  using WatchId = uint64_t;

  // `name` is the thread's name in the system, cut to 15 characters.
  explicit EventLoop(std::string name);
  // Stopped before.
  ~EventLoop() override;

  void Start() override;
  void Stop() override;
  int threads() const override { return 1; }

  // `events` is EPOLLIN, EPOLLOUT, both or 0; errors are told always. Level-triggered.
  WatchId Watch(int fd, uint32_t events, Handler& handler);
  void Change(WatchId watch, int fd, uint32_t events);
  // Not even errors are told, until Change; Again still works.
  void Mute(WatchId watch, int fd);
  // No further call. Before the file descriptor is closed.
  void Unwatch(WatchId watch, int fd);
  // One call with 0 events at the end of this turn; of the next, if it ends already.
  void Again(WatchId watch);

 private:
  struct Slot {
    Handler* handler = nullptr;
    uint32_t use = 0;  // Counts the watches that had this slot.
    bool polled = false;
    bool in_again = false;
  };

  void Wake() override;
  void Run();
  int WaitForEvents();
  void Tell(WatchId watch, uint32_t events);

  const std::string name_;
  const int epoll_;
  const int wake_;  // An eventfd.
  std::thread thread_;
  std::atomic<bool> ending_ = false;

  std::vector<epoll_event> events_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<WatchId> again_;
  std::vector<WatchId> going_on_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TLS_EVENT_LOOP_H_
