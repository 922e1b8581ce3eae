#include "p2p/tls/event_loop.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace groat::p2p {
namespace {

constexpr int kEventsAtOnce = 128;
constexpr int64_t kSecondNs = 1'000'000'000;
// Stands for the eventfd.
constexpr uint64_t kWakeWatch = ~uint64_t{0};

}  // namespace

EventLoop::EventLoop(std::string name)
    : name_(std::move(name)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      events_(kEventsAtOnce) {
  GROAT_CHECK(epoll_ >= 0 && wake_ >= 0) << strerror(errno);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = kWakeWatch;
  GROAT_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0) << strerror(errno);
}

EventLoop::~EventLoop() {
  GROAT_CHECK(!thread_.joinable());
  close(wake_);
  close(epoll_);
}

void EventLoop::Start() {
  GROAT_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { Run(); });
}

void EventLoop::Stop() {
  if (!thread_.joinable()) return;
  RefuseTasks();
  // No task any more: the loop looks at this when it is woken.
  ending_ = true;
  Wake();
  thread_.join();
  DropTasks();
}

void EventLoop::Wake() {
  const uint64_t one = 1;
  GROAT_CHECK(write(wake_, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN) << strerror(errno);
}

EventLoop::WatchId EventLoop::Watch(int fd, uint32_t events, Handler& handler) {
  uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot].handler = &handler;
  slots_[slot].in_again = false;
  const WatchId watch = uint64_t{++slots_[slot].use} << 32 | slot;
  Change(watch, fd, events);
  return watch;
}

void EventLoop::Change(WatchId watch, int fd, uint32_t events) {
  Slot& slot = slots_[static_cast<uint32_t>(watch)];
  epoll_event event = {};
  event.events = events;
  event.data.u64 = watch;
  const int change = std::exchange(slot.polled, true) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  GROAT_CHECK(epoll_ctl(epoll_, change, fd, &event) == 0) << strerror(errno);
}

void EventLoop::Mute(WatchId watch, int fd) {
  if (!std::exchange(slots_[static_cast<uint32_t>(watch)].polled, false)) return;
  GROAT_CHECK(epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr) == 0) << strerror(errno);
}

void EventLoop::Unwatch(WatchId watch, int fd) {
  const auto slot = static_cast<uint32_t>(watch);
  GROAT_CHECK_EQ(slots_[slot].use, watch >> 32);
  Mute(watch, fd);
  slots_[slot].handler = nullptr;
  free_slots_.push_back(slot);
}

void EventLoop::Again(WatchId watch) {
  Slot& slot = slots_[static_cast<uint32_t>(watch)];
  if (std::exchange(slot.in_again, true)) return;
  again_.push_back(watch);
}

// What is told of a watch that has ended goes nowhere, even if its slot has another one by now.
void EventLoop::Tell(WatchId watch, uint32_t events) {
  const Slot& slot = slots_[static_cast<uint32_t>(watch)];
  if (slot.handler == nullptr || slot.use != watch >> 32) return;
  CountTask();
  slot.handler->OnReady(events);
}

int EventLoop::WaitForEvents() {
  timespec timeout = {};
  const timespec* limit = &timeout;
  if (!has_posted() && again_.empty()) {
    if (next_timer_ns() == kNever) {
      limit = nullptr;
    } else {
      const int64_t wait_ns = std::max<int64_t>(0, next_timer_ns() - NowNs());
      timeout = {wait_ns / kSecondNs, wait_ns % kSecondNs};
    }
  }
  const int count = epoll_pwait2(epoll_, events_.data(), kEventsAtOnce, limit, nullptr);
  GROAT_CHECK(count >= 0 || errno == EINTR) << strerror(errno);
  return std::max(count, 0);
}

void EventLoop::Run() {
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  while (!ending_) {
    const int count = WaitForEvents();
    BeginTurn();
    for (int i = 0; i < count; ++i) {
      const epoll_event event = events_[static_cast<size_t>(i)];
      if (event.data.u64 == kWakeWatch) {
        uint64_t wakes = 0;
        [[maybe_unused]] const ssize_t taken = read(wake_, &wakes, sizeof(wakes));
      } else {
        Tell(event.data.u64, event.events);
      }
    }
    RunDue();
    going_on_.swap(again_);
    for (const WatchId watch : going_on_) {
      slots_[static_cast<uint32_t>(watch)].in_again = false;
      Tell(watch, 0);
    }
    going_on_.clear();
    EndTurn();
  }
}

}  // namespace groat::p2p
